-- A book's first column made its primary key look as good to a planner without statistics.
DROP INDEX voucher_code_key;
