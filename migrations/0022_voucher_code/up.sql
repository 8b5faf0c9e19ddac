-- A till finds a voucher by the digest of its code. The code itself stands nowhere.
CREATE UNIQUE INDEX voucher_code_key ON voucher (book_id, code_digest);
