//! Temporary stores, generated pictures, state as text. A dev-dependency only.
