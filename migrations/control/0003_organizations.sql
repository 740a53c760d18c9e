-- Phase 3. Organizations and who belongs to them.

CREATE TABLE organizations (
  id         uuid        NOT NULL DEFAULT gen_random_uuid(),
  name       text        NOT NULL,
  logo       text,
  plan       text        NOT NULL DEFAULT 'startup',
  credits    bigint      NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  owner_id   text        NOT NULL,
  CONSTRAINT organizations_pkey PRIMARY KEY (id),
  CONSTRAINT organizations_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT organizations_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT organizations_logo_length CHECK (octet_length(logo) <= 2048),
  CONSTRAINT organizations_plan_form CHECK (plan ~ '^[a-z][a-z0-9_-]{0,31}$')
);

CREATE INDEX organizations_by_owner ON organizations (owner_id);

COMMENT ON TABLE organizations IS 'Tenants. An organization owns its members, projects, threads, messages, issues and knowledge: they go with it.';
COMMENT ON COLUMN organizations.plan IS 'Set by the operator, never by a request.';
COMMENT ON COLUMN organizations.credits IS 'Set by the operator, never by a request.';
COMMENT ON COLUMN organizations.owner_id IS 'The owner on record; always a member, and several members may be owners.';

CREATE TABLE organization_members (
  id              uuid        NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid        NOT NULL,
  user_id         text        NOT NULL,
  role            text        NOT NULL,
  joined_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organization_members_pkey PRIMARY KEY (id),
  CONSTRAINT organization_members_by_organization_and_user UNIQUE (organization_id, user_id),
  CONSTRAINT organization_members_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT organization_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT organization_members_role_known CHECK (role IN ('owner', 'member'))
);

CREATE INDEX organization_members_by_organization ON organization_members (organization_id);
CREATE INDEX organization_members_by_user ON organization_members (user_id);

COMMENT ON TABLE organization_members IS 'Who belongs to which organization, and as what. Every change locks the organization''s row first.';

-- Checked at commit, so that an organization and its first member are made together and a hand-over is two statements.
ALTER TABLE organizations ADD CONSTRAINT organizations_owner_is_member
  FOREIGN KEY (id, owner_id) REFERENCES organization_members (organization_id, user_id)
  ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED;
