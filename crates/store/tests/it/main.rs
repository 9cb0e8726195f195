//! What the store promises. `contract` uses the public verbs only, through [`lab::Lab`], and is the list a second
//! backend has to pass; `sqlite` is about the database file.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod sqlite;
