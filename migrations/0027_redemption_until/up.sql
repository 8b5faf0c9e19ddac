-- The sweep reads reservations in the order in which they end; the end never changes.
CREATE INDEX redemption_until_key ON redemption (book_id, until);
