mod races;
mod till;
