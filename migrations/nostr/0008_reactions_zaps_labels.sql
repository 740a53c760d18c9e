-- What events are worth to others: reactions (NIP-25), zaps (NIP-57), labels (NIP-32).

CREATE TABLE nostr_reactions (
  event_id        bytea    NOT NULL,
  target_no       smallint NOT NULL DEFAULT 0,
  is_primary      boolean  NOT NULL DEFAULT true,
  pubkey          bytea    NOT NULL,
  created_at      bigint   NOT NULL,
  target_event_id bytea,
  target_pubkey   bytea,
  target_address  text,
  target_tag_no   smallint,
  target_kind     integer,
  value_type      text     NOT NULL,
  emoji_key       text,
  emoji_url       text,
  flags           text[]   NOT NULL DEFAULT '{}',
  CONSTRAINT nostr_reactions_by_event_and_target PRIMARY KEY (event_id, target_no),
  CONSTRAINT nostr_reactions_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_reactions_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_reactions_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_reactions_target_pubkey_length CHECK (octet_length(target_pubkey) = 32),
  CONSTRAINT nostr_reactions_value_type_known CHECK (value_type IN ('like', 'dislike', 'emoji', 'custom', 'other')),
  CONSTRAINT nostr_reactions_emoji_key_length CHECK (octet_length(emoji_key) <= 128),
  CONSTRAINT nostr_reactions_emoji_url_length CHECK (octet_length(emoji_url) <= 2048)
);

CREATE INDEX nostr_reactions_votes ON nostr_reactions (target_event_id, pubkey, created_at DESC, event_id)
  WHERE target_event_id IS NOT NULL AND value_type IN ('like', 'dislike');
CREATE INDEX nostr_reactions_by_target ON nostr_reactions (target_event_id, emoji_key, pubkey)
  WHERE target_event_id IS NOT NULL AND value_type IN ('emoji', 'custom');

COMMENT ON TABLE nostr_reactions IS 'Reactions of kinds 7 and 17 (NIP-25), one row for each target.';
COMMENT ON COLUMN nostr_reactions.target_no IS 'Kind 17 may name several targets.';
COMMENT ON COLUMN nostr_reactions.target_pubkey IS 'Author of the target as the reaction names it; nobody checked it.';
COMMENT ON COLUMN nostr_reactions.target_tag_no IS 'Target outside Nostr: nostr_external_ids (event_id, tag_no).';
COMMENT ON COLUMN nostr_reactions.value_type IS 'like and dislike are votes; of an author''s votes on a target the newest counts, ties to the lowest event_id.';
COMMENT ON COLUMN nostr_reactions.emoji_key IS 'What equal reactions have in common; NULL for other.';
COMMENT ON COLUMN nostr_reactions.flags IS 'Flags that follow from the reaction alone; whether its claims fit the target is for a join to say.';

CREATE TABLE nostr_zap_providers (
  recipient_pubkey bytea       NOT NULL,
  provider_pubkey  bytea       NOT NULL,
  first_seen_at    timestamptz NOT NULL DEFAULT now(),
  last_seen_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nostr_zap_providers_by_recipient_and_provider PRIMARY KEY (recipient_pubkey, provider_pubkey),
  CONSTRAINT nostr_zap_providers_recipient_pubkey_length CHECK (octet_length(recipient_pubkey) = 32),
  CONSTRAINT nostr_zap_providers_provider_pubkey_length CHECK (octet_length(provider_pubkey) = 32)
);

COMMENT ON TABLE nostr_zap_providers IS 'Keys that sign zap receipts for a recipient, as its lightning address said (NIP-57). A history: addresses move, keys rotate, receipts stay.';

CREATE TABLE nostr_zaps (
  event_id         bytea    NOT NULL,
  provider_pubkey  bytea    NOT NULL,
  recipient_pubkey bytea,
  sender_pubkey    bytea,
  target_event_id  bytea,
  target_address   text,
  target_tag_no    smallint,
  msats            bigint,
  amount_source    text,
  network          text,
  payment_hash     bytea,
  level            smallint NOT NULL,
  reason           text,
  hash_match       boolean,
  preimage_match   boolean,
  provider_match   boolean,
  recipient_match  boolean,
  is_counted       boolean  NOT NULL,
  comment          text,
  created_at       bigint   NOT NULL,
  flags            text[]   NOT NULL DEFAULT '{}',
  CONSTRAINT nostr_zaps_by_event_id PRIMARY KEY (event_id),
  CONSTRAINT nostr_zaps_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_zaps_provider_pubkey_length CHECK (octet_length(provider_pubkey) = 32),
  CONSTRAINT nostr_zaps_recipient_pubkey_length CHECK (octet_length(recipient_pubkey) = 32),
  CONSTRAINT nostr_zaps_sender_pubkey_length CHECK (octet_length(sender_pubkey) = 32),
  CONSTRAINT nostr_zaps_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_zaps_payment_hash_length CHECK (octet_length(payment_hash) = 32),
  CONSTRAINT nostr_zaps_msats_positive CHECK (msats > 0),
  CONSTRAINT nostr_zaps_amount_source_known CHECK (amount_source IN ('bolt11', 'request', 'receipt')),
  CONSTRAINT nostr_zaps_level_range CHECK (level BETWEEN 0 AND 3),
  CONSTRAINT nostr_zaps_counted_is_payment
    CHECK (NOT is_counted OR (level > 0 AND network = 'bc' AND amount_source = 'bolt11')),
  CONSTRAINT nostr_zaps_invoice_has_amount
    CHECK (amount_source <> 'bolt11' OR (msats IS NOT NULL AND payment_hash IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX nostr_zaps_by_target ON nostr_zaps (target_event_id, created_at DESC, event_id)
  WHERE target_event_id IS NOT NULL;
CREATE INDEX nostr_zaps_by_recipient ON nostr_zaps (recipient_pubkey, provider_pubkey, event_id)
  WHERE level > 0;
CREATE INDEX nostr_zaps_representatives ON nostr_zaps (payment_hash, level DESC, created_at, event_id)
  WHERE level > 0 AND network = 'bc' AND amount_source = 'bolt11';

COMMENT ON TABLE nostr_zaps IS 'Zap receipts (kind 9735, NIP-57): what they say, and how far it can be believed.';
COMMENT ON COLUMN nostr_zaps.provider_pubkey IS 'Who signed the receipt.';
COMMENT ON COLUMN nostr_zaps.sender_pubkey IS 'Who signed the request; NULL: anonymous, private or unknown.';
COMMENT ON COLUMN nostr_zaps.target_tag_no IS 'Target outside Nostr: nostr_external_ids (event_id, tag_no).';
COMMENT ON COLUMN nostr_zaps.msats IS 'The invoice''s amount, else that of the request, else of the receipt.';
COMMENT ON COLUMN nostr_zaps.level IS '0: a check failed, see reason; 1: consistent by itself; 2: the target''s author is the recipient; 3: the provider is confirmed.';
COMMENT ON COLUMN nostr_zaps.provider_match IS 'Whether nostr_zap_providers or the configuration names the provider for this recipient; NULL: unknown.';
COMMENT ON COLUMN nostr_zaps.recipient_match IS 'Whether the target is for the recipient; NULL: there is no such event here.';
COMMENT ON COLUMN nostr_zaps.is_counted IS 'Whether it stands for its payment: of the receipts of one payment_hash the highest level, then the earliest, then the lowest event_id.';

CREATE TABLE nostr_labels (
  event_id        bytea    NOT NULL,
  label_no        smallint NOT NULL,
  target_no       smallint NOT NULL DEFAULT 0,
  namespace       text     NOT NULL,
  label           text     NOT NULL,
  target_type     text     NOT NULL,
  target_event_id bytea,
  target_pubkey   bytea,
  target_value    text,
  pubkey          bytea    NOT NULL,
  created_at      bigint   NOT NULL,
  flags           text[]   NOT NULL DEFAULT '{}',
  CONSTRAINT nostr_labels_by_event_label_and_target PRIMARY KEY (event_id, label_no, target_no),
  CONSTRAINT nostr_labels_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_labels_target_type_known
    CHECK (target_type IN ('self', 'event', 'address', 'pubkey', 'relay', 'url', 'topic')),
  CONSTRAINT nostr_labels_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_labels_target_pubkey_length CHECK (octet_length(target_pubkey) = 32),
  CONSTRAINT nostr_labels_pubkey_length CHECK (octet_length(pubkey) = 32)
);

CREATE INDEX nostr_labels_by_label ON nostr_labels (namespace, label, created_at DESC, event_id)
  WHERE octet_length(namespace) + octet_length(label) <= 512;
CREATE INDEX nostr_labels_by_target_event ON nostr_labels (target_event_id) WHERE target_event_id IS NOT NULL;

COMMENT ON TABLE nostr_labels IS 'Labels (NIP-32): of kind 1985 each label on each target, of other kinds what an event says of itself. At most 500 of an event.';
COMMENT ON COLUMN nostr_labels.target_value IS 'Address, URL or topic; of self the event''s coordinate, NULL for regular kinds.';
COMMENT ON COLUMN nostr_labels.pubkey IS 'Who labels.';
