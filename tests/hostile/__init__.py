"""Files as a hostile or careless stranger would write them, for every reader there is."""
