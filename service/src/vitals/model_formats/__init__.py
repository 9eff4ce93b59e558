"""Files of models: skops, ONNX and pickle, opened safely or refused in a sentence."""
