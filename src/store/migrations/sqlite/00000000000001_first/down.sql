DROP TABLE sessions;
DROP TABLE bindings;
DROP TABLE members;
DROP TABLE conferences;
DROP TABLE accounts;
