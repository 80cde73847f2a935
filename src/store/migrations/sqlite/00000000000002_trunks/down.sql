DROP TABLE trunks;
