mod claim;
mod races;
