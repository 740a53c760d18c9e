-- When web servers were asked, and what they said: who signs for a lightning address (LUD-16, NIP-57; the keys themselves are
-- in nostr_zap_providers), and whether a domain vouches for a profile (NIP-05). Written by a worker that is off until the
-- operator turns it on.

CREATE TABLE nostr_lightning_lookups (
  pubkey        bytea       NOT NULL,
  address       text        NOT NULL,
  url           text,
  outcome       text        NOT NULL,
  reason        text,
  failures      integer     NOT NULL DEFAULT 0,
  checked_at    timestamptz NOT NULL DEFAULT now(),
  next_check_at timestamptz NOT NULL,
  CONSTRAINT nostr_lightning_lookups_by_pubkey PRIMARY KEY (pubkey),
  CONSTRAINT nostr_lightning_lookups_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_lightning_lookups_outcome_known CHECK (outcome IN ('found', 'refused', 'failed')),
  CONSTRAINT nostr_lightning_lookups_reason_length CHECK (octet_length(reason) <= 256)
) WITH (fillfactor = 80);

COMMENT ON TABLE nostr_lightning_lookups IS 'Last look-up of each zapped author''s lightning address.';
COMMENT ON COLUMN nostr_lightning_lookups.address IS 'The address as the profile had it; another one is looked up at once.';
COMMENT ON COLUMN nostr_lightning_lookups.url IS 'Where it was asked; NULL when the text is no address.';
COMMENT ON COLUMN nostr_lightning_lookups.outcome IS 'found: a provider key; refused: an answer without one; failed: no answer, tried again sooner.';
COMMENT ON COLUMN nostr_lightning_lookups.failures IS 'Failed attempts in a row.';

CREATE TABLE nostr_nip05_checks (
  pubkey        bytea       NOT NULL,
  identifier    text        NOT NULL,
  verified      boolean     NOT NULL,
  reason        text,
  failures      integer     NOT NULL DEFAULT 0,
  checked_at    timestamptz NOT NULL DEFAULT now(),
  next_check_at timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  CONSTRAINT nostr_nip05_checks_by_pubkey PRIMARY KEY (pubkey),
  CONSTRAINT nostr_nip05_checks_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_nip05_checks_reason_length CHECK (octet_length(reason) <= 256)
) WITH (fillfactor = 80);

COMMENT ON TABLE nostr_nip05_checks IS 'Whether the domain of a profile''s NIP-05 identifier names the profile''s key.';
COMMENT ON COLUMN nostr_nip05_checks.identifier IS 'The claim that was checked; the verdict holds for no other.';
COMMENT ON COLUMN nostr_nip05_checks.expires_at IS 'Until when the verdict may be shown; a domain that does not answer keeps it that long.';

CREATE VIEW nostr_profiles_checked AS
SELECT encode(p.pubkey, 'hex') AS pubkey, p.name, p.display_name, p.picture, p.about, p.nip05,
       coalesce(c.verified AND c.identifier = p.nip05 AND c.expires_at > now(), false) AS nip05_verified,
       p.lud16, p.updated_at
FROM nostr_profiles p
LEFT JOIN nostr_nip05_checks c ON c.pubkey = p.pubkey;

COMMENT ON VIEW nostr_profiles_checked IS 'nostr_profiles with hex keys and whether the NIP-05 identifier is verified now.';
