-- A retailer's own redemptions, newest last.
CREATE INDEX redemption_organisation_key
ON redemption (book_id, organisation_id, redemption_id);
