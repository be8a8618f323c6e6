"""What the tree families are made of: questions to a row, the order of cells, boosting."""
