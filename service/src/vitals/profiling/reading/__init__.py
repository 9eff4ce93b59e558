"""Reading reference data: files, columns, types and names, and what is wrong with them."""
