mod commands;
mod laws;
mod play;
mod races;
mod till;
