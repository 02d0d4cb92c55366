"""What protects old knowledge: one file for each protection, combinable with any strategy."""
