//! The offline provider: speaks the providers' own protocols on loopback and misbehaves on request.
