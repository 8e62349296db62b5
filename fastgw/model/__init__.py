"""What was asked: frozen typed objects, no I/O, standard library only."""
