"""What an ONNX graph means: which columns fit its inputs, and what its outputs are. Found out once, when a folder is made."""
