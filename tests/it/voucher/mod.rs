mod claim;
