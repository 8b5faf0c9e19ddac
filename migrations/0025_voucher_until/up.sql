-- The sweep reads vouchers in the order in which they end. A voucher's end never changes, so the
-- index costs an update nothing.
CREATE INDEX voucher_until_key ON voucher (book_id, until);
