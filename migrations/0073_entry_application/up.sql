-- The course of an application, of which its clocks are read. The entries of the till, which are
-- many, are not in it.
CREATE UNIQUE INDEX entry_application_key ON entry (book_id, about, seq)
WHERE kind LIKE 'application.%' OR kind LIKE 'review.%';
