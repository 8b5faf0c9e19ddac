-- Who publishes the logs of the deployment: one process at a time, for as long as its lease runs.
-- The fence grows with every holder; the log store refuses whoever comes with an older one.
CREATE TABLE log_publisher (
    book_id integer NOT NULL,
    holder uuid NOT NULL,
    fence bigint NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT log_publisher_pkey PRIMARY KEY (book_id),
    CONSTRAINT log_publisher_id_check CHECK (book_id = 0)
);
GRANT SELECT, UPDATE ON log_publisher TO tradein_app;
INSERT INTO log_publisher (book_id, holder, fence, until)
VALUES (0, '00000000-0000-0000-0000-000000000000', 0, '2000-01-01 00:00:00+00');
