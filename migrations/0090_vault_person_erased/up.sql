-- `secret` is half of the key of what the ledger commits to about this person alone; it goes with
-- him. Of an erased person nothing is kept but that he is erased, and the last year of his slots:
-- not even when he came, which would tell his registration among the entries.
ALTER TABLE vault.person
    ADD COLUMN secret bytea,
    ADD COLUMN keep_year integer,
    ALTER COLUMN consent_at DROP NOT NULL,
    ALTER COLUMN registered_at DROP NOT NULL,
    ADD CONSTRAINT person_gone_check CHECK (
        state = 'active'
        OR (secret IS NULL AND born_on IS NULL AND consent_at IS NULL AND registered_at IS NULL)
    );
