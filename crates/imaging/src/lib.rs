//! Bytes to checked pictures: sniffing, decoding, thumbnails, hashes, preparation, contact sheets. Synchronous.
