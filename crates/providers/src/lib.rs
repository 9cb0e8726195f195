//! One file per provider protocol, over shared HTTP, SSE, extraction and error code.
