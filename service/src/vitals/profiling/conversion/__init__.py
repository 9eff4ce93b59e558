"""Which runtime answers, scikit-learn or ONNX: the conversion, and the proof that both say the same."""
