-- A code names its book, so its digest is unique over all books.
CREATE UNIQUE INDEX voucher_code_digest_key ON voucher (code_digest);
