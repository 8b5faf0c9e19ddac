mod till;
