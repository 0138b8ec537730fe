-- The read tables of notifications. Disposable: a rebuild folds the log into the same rows.
-- "position" is the log position of the event that made the row, and its order.

-- address and name_to_use are tokens of sealed values, and null once they were erased.
CREATE TABLE contact_channels (
    channel_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    channel text NOT NULL,
    address text,
    name_to_use text,
    weekdays smallint[] NOT NULL,
    opens text NOT NULL,
    closes text NOT NULL,
    time_zone text NOT NULL,
    voicemail_ok boolean NOT NULL,
    say_agency boolean NOT NULL,
    verified_on date NOT NULL,
    stale_after date NOT NULL,
    state text NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX contact_channels_of ON contact_channels (participation_id, position);
SELECT guard_by_participation('contact_channels');

CREATE TABLE chosen_topics (
    participation_id uuid NOT NULL,
    topic text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (participation_id, topic)
);
SELECT guard_by_participation('chosen_topics');

CREATE TABLE notices (
    notice_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    topic text NOT NULL,
    state text NOT NULL,
    reason text,
    requested_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX notices_of ON notices (participation_id, position);
SELECT guard_by_participation('notices');

-- What may be sent, and from when. Whoever sends checks the preference again at that moment.
CREATE TABLE queue (
    notice_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    topic text NOT NULL,
    channel_id uuid NOT NULL,
    channel text NOT NULL,
    send_from timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX queue_by_time ON queue (send_from, position);
CREATE INDEX queue_by_channel ON queue (channel_id);
CREATE INDEX queue_of ON queue (participation_id, topic);
SELECT guard_by_participation('queue');

CREATE TABLE assigned_staff (
    participation_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    PRIMARY KEY (participation_id, staff_id)
);
SELECT guard_by_participation('assigned_staff');
