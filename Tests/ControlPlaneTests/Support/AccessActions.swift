import Crypto
import FoundationEssentials
import TestSupport

@testable import ControlPlane

/// The operations of ``AccessMatrix``, each on the objects of a world.
struct AccessActions {
    let operations: ControlOperations
    let world: AccessWorld

    static let cipher = CredentialCipher(keys: [1: SymmetricKey(data: [UInt8](repeating: 7, count: 32))], current: 1)

    private func id(_ thing: AccessWorld.Thing) -> UUID {
        guard let id = UUID(uuidString: self.world.id(thing)) else { preconditionFailure("Not a UUID") }
        return id
    }

    /// Does what a row of the matrix says; false where there is no such row.
    func run(_ operation: String, _ caller: Caller) async throws -> Bool {
        if try await self.runOnTenant(operation, caller) { return true }
        if try await self.runOnWork(operation, caller) { return true }
        if try await self.runOnChat(operation, caller) { return true }
        return try await self.runOnKnowledge(operation, caller)
    }

    private func runOnTenant(_ operation: String, _ caller: Caller) async throws -> Bool {
        let organization = self.id(.organization)
        switch operation {
        case "me": _ = try await self.operations.me(caller)
        case "createToken": _ = try await self.operations.createToken(caller, name: "t")
        case "listTokens": _ = try await self.operations.listTokens(caller)
        case "revokeToken": try await self.operations.revokeToken(caller, self.id(.token))
        case "setGitHubTokens": try await self.operations.setGitHubTokens(caller, GitHubTokens(access: "gho_1"))
        case "gitHubTokens": _ = try await self.operations.gitHubTokens(caller)
        case "clearGitHubTokens": try await self.operations.clearGitHubTokens(caller)
        case "createOrganization": _ = try await self.operations.createOrganization(caller, name: "New")
        case "listOrganizations": _ = try await self.operations.listOrganizations(caller)
        case "organization": _ = try await self.operations.organization(caller, organization)
        case "updateOrganization":
            _ = try await self.operations.updateOrganization(caller, organization, name: .set("N"))
        case "deleteOrganization": try await self.operations.deleteOrganization(caller, organization)
        case "listMembers": _ = try await self.operations.listMembers(caller, of: organization)
        case "addMember":
            let person = Person.userID(self.world.candidate)
            _ = try await self.operations.addMember(caller, to: organization, person, role: .member)
        case "setRole":
            _ = try await self.operations.setRole(caller, in: organization, of: self.world.colleague, to: .owner)
        case "removeMember": try await self.operations.removeMember(caller, from: organization, self.world.colleague)
        case "removeMember of oneself":
            try await self.operations.removeMember(caller, from: organization, caller.userID)
        default: return false
        }
        return true
    }

    private func runOnWork(_ operation: String, _ caller: Caller) async throws -> Bool {
        let (project, issue) = (self.id(.project), self.id(.issue))
        switch operation {
        case "createProject":
            let draft = ProjectDraft(name: "New", organizationID: self.id(.organization))
            _ = try await self.operations.createProject(caller, draft)
        case "createProject of one's own":
            _ = try await self.operations.createProject(caller, ProjectDraft(name: "New"))
        case "listProjects": _ = try await self.operations.listProjects(caller, organization: self.id(.organization))
        case "project": _ = try await self.operations.project(caller, project)
        case "project of the owner alone": _ = try await self.operations.project(caller, self.id(.ownProject))
        case "updateProject":
            var changes = ProjectChanges()
            changes.name = .set("N")
            _ = try await self.operations.updateProject(caller, project, changes)
        case "deleteProject": try await self.operations.deleteProject(caller, project)
        case "connectRepo":
            let reference = RepoReference(provider: "github", owner: "o", name: "n\(self.world.number)")
            _ = try await self.operations.connectRepo(caller, to: project, reference)
        case "disconnectRepo": try await self.operations.disconnectRepo(caller, from: project, self.id(.repo))
        case "listRepos": _ = try await self.operations.listRepos(caller, of: project)
        case "repo": _ = try await self.operations.repo(caller, self.id(.repo))
        case "updateRepo":
            _ = try await self.operations.updateRepo(caller, self.id(.repo), defaultBranch: .set("main"))
        case "updateRepo shared":
            _ = try await self.operations.updateRepo(caller, self.id(.sharedRepo), defaultBranch: .set("main"))
        case "createIssue":
            var draft = IssueDraft(title: "New", statusID: "todo", priorityID: "low")
            draft.projectID = project
            _ = try await self.operations.createIssue(caller, draft)
        case "listIssues": _ = try await self.operations.listIssues(caller, in: .project(project))
        case "issue": _ = try await self.operations.issue(caller, issue)
        case "updateIssue":
            var changes = IssueChanges()
            changes.title = .set("N")
            _ = try await self.operations.updateIssue(caller, issue, changes)
        case "deleteIssue": try await self.operations.deleteIssue(caller, issue)
        case "linkThread": try await self.operations.linkThread(caller, self.id(.thread), to: issue)
        case "linkThread private": try await self.operations.linkThread(caller, self.id(.privateThread), to: issue)
        case "unlinkThread": try await self.operations.unlinkThread(caller, self.id(.thread), from: issue)
        case "listThreads of an issue": _ = try await self.operations.listThreads(caller, of: issue)
        default: return false
        }
        return true
    }

    private func runOnChat(_ operation: String, _ caller: Caller) async throws -> Bool {
        let (thread, privateThread) = (self.id(.thread), self.id(.privateThread))
        switch operation {
        case "createThread":
            var draft = ThreadDraft()
            draft.organizationID = self.id(.organization)
            _ = try await self.operations.createThread(caller, draft)
        case "listThreads": _ = try await self.operations.listThreads(caller, in: .organization(self.id(.organization)))
        case "thread": _ = try await self.operations.thread(caller, thread)
        case "thread private": _ = try await self.operations.thread(caller, privateThread)
        case "updateThread":
            var changes = ThreadChanges()
            changes.isArchived = .set(true)
            _ = try await self.operations.updateThread(caller, thread, changes)
        case "deleteThread": try await self.operations.deleteThread(caller, thread)
        case "createMessage":
            _ = try await self.operations.createMessage(caller, in: thread, MessageDraft(role: .user, content: "N"))
        case "createMessage private":
            let draft = MessageDraft(role: .user, content: "N")
            _ = try await self.operations.createMessage(caller, in: privateThread, draft)
        case "listMessages": _ = try await self.operations.listMessages(caller, in: thread)
        case "message": _ = try await self.operations.message(caller, self.id(.message))
        case "message private": _ = try await self.operations.message(caller, self.id(.privateMessage))
        case "setMessageEmbedding":
            _ = try await self.operations.setMessageEmbedding(caller, of: self.id(.message), content: vector())
        case "searchMessages":
            _ = try await self.operations.searchMessages(caller, for: vector(), in: .thread(thread))
        default: return false
        }
        return true
    }

    private func runOnKnowledge(_ operation: String, _ caller: Caller) async throws -> Bool {
        let (project, knowledge) = (self.id(.project), self.id(.knowledge))
        switch operation {
        case "createKnowledge":
            var draft = KnowledgeDraft(content: "New", embedding: try vector())
            draft.projectID = project
            _ = try await self.operations.createKnowledge(caller, draft)
        case "listKnowledge": _ = try await self.operations.listKnowledge(caller, in: .project(project))
        case "knowledge": _ = try await self.operations.knowledge(caller, knowledge)
        case "updateKnowledge":
            var changes = KnowledgeChanges()
            changes.title = .set("N")
            _ = try await self.operations.updateKnowledge(caller, knowledge, changes)
        case "deleteKnowledge": try await self.operations.deleteKnowledge(caller, knowledge)
        case "searchKnowledge":
            _ = try await self.operations.searchKnowledge(caller, for: vector(), in: .project(project))
        case "listAgents": _ = try await self.operations.listAgents(caller)
        case "agent": _ = try await self.operations.agent(caller, self.world.agentSlug)
        case "createAgent":
            let draft = AgentDraft(slug: "new-\(self.world.number)", name: "New")
            _ = try await self.operations.createAgent(caller, draft)
        case "updateAgent":
            var changes = AgentChanges()
            changes.name = .set("N")
            _ = try await self.operations.updateAgent(caller, self.world.agentSlug, changes)
        case "deleteAgent": try await self.operations.deleteAgent(caller, self.world.agentSlug)
        default: return false
        }
        return true
    }
}
