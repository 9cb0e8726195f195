-- Source pictures that a provider has already, by account and content.
CREATE TABLE upload (
    account TEXT NOT NULL,
    content TEXT NOT NULL,
    address TEXT NOT NULL,
    given_us INTEGER NOT NULL,
    ends_us INTEGER NOT NULL,
    PRIMARY KEY (account, content)
) STRICT, WITHOUT ROWID;
