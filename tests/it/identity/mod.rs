mod organisations;
mod people;
mod plans;
mod privacy;
mod world;
