-- Who may record is read from the log itself (shared/accompaniment).
DROP TABLE assigned_staff;
