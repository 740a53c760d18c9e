package import Postgres

extension ControlPlaneError {
    /// What a client hears of an error of the database, or nil when it is none of the client's making.
    ///
    /// The kind of the constraint decides the code, its name the sentence. The server's own text may hold a row.
    package init?(_ error: PostgresError) {
        guard case .server(let report) = error else { return nil }
        let sentence = report.constraint.flatMap { Self.sentences[$0] }
        switch report.sqlState {
        case "23505": self.init(.conflict, sentence ?? "it exists already")
        case "23503": self.init(.notFound, sentence ?? "what it refers to is not there")
        case "23514": self.init(.badRequest, sentence ?? "a value is out of its bounds")
        case "23502": self.init(.badRequest, "a required value is missing")
        case "22P02", "22P05", "22021": self.init(.badRequest, "a text or a JSON document cannot be stored")
        case "54000", "54001": self.init(.badRequest, "a value is too large or nested too deeply")
        case let state where state.hasPrefix("22"): self.init(.badRequest, "a value is out of its range")
        default: return nil
        }
    }

    /// Every CHECK, unique key and foreign key that a request can meet; a test holds the list against the catalogue.
    package static let sentences: [String: String] = [
        "users_user_id_length": "a user id has 1 to 255 bytes",
        "users_email_length": "an e-mail address has at most 320 bytes",
        "users_github_access_token_length": "a GitHub token is too long",
        "users_github_refresh_token_length": "a GitHub token is too long",

        "api_tokens_name_length": "the name of a token has 1 to 100 characters",
        "api_tokens_expires_after_creation": "a token expires in the future",
        "api_tokens_user_id_fkey": "there is no such user",

        "organizations_name_length": "the name of an organization has 1 to 200 characters",
        "organizations_logo_length": "a logo has at most 2048 bytes",
        "organizations_plan_form": "a plan is a word of lower-case letters, digits, - and _",
        "organization_members_by_organization_and_user": "the user is a member already",
        "organization_members_user_id_fkey": "there is no such user",
        "organization_members_role_known": "a role is owner or member",

        "projects_name_length": "the name of a project has 1 to 200 characters",
        "projects_organization_id_fkey": "there is no such organization",

        "repos_name_length": "the name of a repository has 1 to 255 bytes",
        "repos_provider_form": "a provider is a word of lower-case letters, digits, ., - and _",
        "repos_owner_length": "the owner of a repository has 1 to 255 bytes",
        "repos_default_branch_length": "a branch has at most 255 bytes",
        "repos_url_length": "the URL of a repository has at most 2048 bytes",
        "project_repos_project_id_fkey": "there is no such project",

        "threads_by_chat_id": "the chat id cannot be used",
        "threads_chat_id_length": "a chat id has 1 to 255 bytes",
        "threads_agent_slug_length": "the slug of an agent has at most 64 bytes",
        "threads_metadata_object": "metadata is a JSON object",
        "threads_organization_id_fkey": "there is no such organization",
        "threads_project_id_fkey": "there is no such project",

        "messages_by_thread_and_external_id": "another message has this external id",
        "messages_external_id_length": "an external id has 1 to 255 bytes",
        "messages_role_known": "a role is system, developer, user, assistant, tool or data",
        "messages_finish_reason_length": "a finish reason has at most 64 bytes",
        "messages_input_tokens_range": "a number of tokens is not negative",
        "messages_output_tokens_range": "a number of tokens is not negative",
        "messages_total_tokens_range": "a number of tokens is not negative",
        "messages_cost_usd_range": "a cost is not negative",
        "messages_model_id_length": "the id of a model has at most 255 bytes",
        "messages_thread_id_fkey": "there is no such thread",

        "message_embeddings_content_dimensions": "an embedding has 1536 numbers",
        "message_embeddings_content_valid": "an embedding has finite numbers, not all zero",
        "message_embeddings_tool_dimensions": "an embedding has 1536 numbers",
        "message_embeddings_tool_valid": "an embedding has finite numbers, not all zero",
        "message_embeddings_model_length": "the name of an embedding model has 1 to 255 bytes",
        "message_embeddings_message_id_fkey": "there is no such message",

        "issues_identifier_form": "an identifier is a prefix, a hyphen and a number",
        "issues_title_length": "a title has 1 to 500 characters",
        "issues_status_id_length": "a status id has 1 to 64 bytes",
        "issues_priority_id_length": "a priority id has 1 to 64 bytes",
        "issues_label_ids_bounded": "an issue has at most 100 labels",
        "issues_organization_id_fkey": "there is no such organization",
        "issues_project_id_fkey": "there is no such project",
        "issues_assignee_id_fkey": "the assignee does not see the issue",
        "issue_threads_issue_id_fkey": "there is no such issue",
        "issue_threads_thread_id_fkey": "there is no such thread",

        "agents_by_slug": "the slug is taken",
        "agents_one_default": "another agent is the default",
        "agents_slug_form": "a slug is a word of lower-case letters, digits, - and _, of at most 64 bytes",
        "agents_name_length": "the name of an agent has 1 to 200 characters",
        "agents_model_id_length": "the id of a model has at most 255 bytes",
        "agents_agent_type_known": "an agent type is assistant or coder",

        "knowledge_embedding_dimensions": "an embedding has 1536 numbers",
        "knowledge_embedding_valid": "an embedding has finite numbers, not all zero",
        "knowledge_embedding_model_length": "the name of an embedding model has 1 to 255 bytes",
        "knowledge_organization_id_fkey": "there is no such organization",
        "knowledge_project_id_fkey": "there is no such project",

        "idempotency_keys_key_length": "an idempotency key has 1 to 255 bytes",
    ]
}
