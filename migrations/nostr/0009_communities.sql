-- Moderated communities (NIP-72): definitions, posts, approvals. Filled where their kinds are ingested.

CREATE TABLE nostr_communities (
  pubkey      bytea   NOT NULL,
  d_hash      bytea   NOT NULL,
  d           text    NOT NULL,
  address     text    NOT NULL,
  name        text,
  description text,
  image       text,
  moderators  bytea[] NOT NULL DEFAULT '{}',
  relays      jsonb   NOT NULL DEFAULT '[]',
  updated_at  bigint  NOT NULL,
  event_id    bytea   NOT NULL,
  CONSTRAINT nostr_communities_by_coordinate PRIMARY KEY (pubkey, d_hash),
  CONSTRAINT nostr_communities_by_event_id UNIQUE (event_id),
  CONSTRAINT nostr_communities_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_communities_d_hash_length CHECK (octet_length(d_hash) = 32),
  CONSTRAINT nostr_communities_event_id_length CHECK (octet_length(event_id) = 32)
);

COMMENT ON TABLE nostr_communities IS 'Current definition of each community (kind 34550, NIP-72).';
COMMENT ON COLUMN nostr_communities.pubkey IS 'The owner, who moderates without being listed.';
COMMENT ON COLUMN nostr_communities.d_hash IS 'SHA-256 of d, as in nostr_replaceable_heads.';
COMMENT ON COLUMN nostr_communities.address IS 'The coordinate 34550:pubkey:d.';
COMMENT ON COLUMN nostr_communities.moderators IS 'Whose approvals count now; removing one withdraws what it approved.';
COMMENT ON COLUMN nostr_communities.relays IS 'Array of {"url", "marker"}.';

CREATE TABLE nostr_community_posts (
  event_id         bytea   NOT NULL,
  community_pubkey bytea   NOT NULL,
  community_d_hash bytea   NOT NULL,
  is_top_level     boolean NOT NULL,
  is_legacy        boolean NOT NULL,
  created_at       bigint  NOT NULL,
  CONSTRAINT nostr_community_posts_by_event_and_community PRIMARY KEY (event_id, community_pubkey, community_d_hash),
  CONSTRAINT nostr_community_posts_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_community_posts_community_pubkey_length CHECK (octet_length(community_pubkey) = 32),
  CONSTRAINT nostr_community_posts_community_d_hash_length CHECK (octet_length(community_d_hash) = 32)
);

CREATE INDEX nostr_community_posts_by_community
  ON nostr_community_posts (community_pubkey, community_d_hash, created_at DESC, event_id);

COMMENT ON TABLE nostr_community_posts IS 'Which event is a post of which community (NIP-72). The community need not be defined here.';
COMMENT ON COLUMN nostr_community_posts.is_legacy IS 'The older form: a lower-case a tag in a kind other than 1111.';

CREATE TABLE nostr_community_approvals (
  event_id         bytea    NOT NULL,
  community_no     smallint NOT NULL,
  target_no        smallint NOT NULL,
  approver_pubkey  bytea    NOT NULL,
  community_pubkey bytea    NOT NULL,
  community_d_hash bytea    NOT NULL,
  target_event_id  bytea,
  target_address   text,
  content_event_id bytea,
  created_at       bigint   NOT NULL,
  flags            text[]   NOT NULL DEFAULT '{}',
  CONSTRAINT nostr_community_approvals_by_event_community_and_target PRIMARY KEY (event_id, community_no, target_no),
  CONSTRAINT nostr_community_approvals_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_community_approvals_approver_pubkey_length CHECK (octet_length(approver_pubkey) = 32),
  CONSTRAINT nostr_community_approvals_community_pubkey_length CHECK (octet_length(community_pubkey) = 32),
  CONSTRAINT nostr_community_approvals_community_d_hash_length CHECK (octet_length(community_d_hash) = 32),
  CONSTRAINT nostr_community_approvals_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_community_approvals_content_event_id_length CHECK (octet_length(content_event_id) = 32)
);

CREATE INDEX nostr_community_approvals_by_community
  ON nostr_community_approvals (community_pubkey, community_d_hash, created_at DESC, event_id);
CREATE INDEX nostr_community_approvals_by_target
  ON nostr_community_approvals (target_event_id) WHERE target_event_id IS NOT NULL;

COMMENT ON TABLE nostr_community_approvals IS 'Approvals (kind 4550, NIP-72) by anybody, each community with each post. One counts while its signer owns or moderates the community: a join decides.';
COMMENT ON COLUMN nostr_community_approvals.content_event_id IS 'The post in the content, if it verifies and is the one that is approved.';
