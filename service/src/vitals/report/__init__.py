"""`vitals report`: logged predictions and their labels, read back and compared with a reference by Evidently."""
