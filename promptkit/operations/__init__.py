"""What goes on around the calls: runs over tables, and the bill."""
