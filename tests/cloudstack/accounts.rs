//! Who calls, whose something is, and who may see it.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::{Code, Refusal};
use crate::settings::Keys;
use crate::state::State;

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Account(Uuid),
    Project(Uuid),
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Administrator,
}

/// An account with its one user.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) api_key: String,
    pub(crate) secret_key: String,
}

/// A project, whose members are all accounts of `members`.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) members: Vec<Uuid>,
}

/// Who signed a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) account: Uuid,
    pub(crate) user: Uuid,
    pub(crate) role: Role,
}

/// Who there is.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) domain: Uuid,
    pub(crate) accounts: Vec<Account>,
    pub(crate) projects: Vec<Project>,
}

fn key() -> String {
    let (first, second) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    // Keys of CloudStack are of this length, and of these letters.
    format!("{first}-{second}_{}", &first.to_string()[..20])
}

impl People {
    /// The accounts `coe`, `other` and `admin`, and the project `web`, which is `coe`'s.
    pub(crate) fn new() -> Self {
        let account = |name, role| Account {
            id: Uuid::new_v4(),
            user: Uuid::new_v4(),
            name,
            role,
            api_key: key(),
            secret_key: key(),
        };
        let coe = account("coe", Role::User);
        let project = Project {
            id: Uuid::new_v4(),
            name: "web",
            members: vec![coe.id],
        };
        Self {
            domain: Uuid::new_v4(),
            accounts: vec![
                coe,
                account("other", Role::User),
                account("admin", Role::Administrator),
            ],
            projects: vec![project],
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// The account that an API key is of.
    pub(crate) fn keyed(&self, api_key: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|account| account.api_key == api_key)
    }

    fn is_member(&self, caller: Caller, project: Uuid) -> bool {
        caller.role == Role::Administrator
            || self
                .projects
                .iter()
                .any(|found| found.id == project && found.members.contains(&caller.account))
    }

    /// Whose it is, for a reply.
    pub(crate) fn tell(&self, owner: Owner, into: &mut Map<String, Value>) {
        match owner {
            Owner::Account(id) => {
                let name = self.accounts.iter().find(|account| account.id == id);
                into.insert("account".to_owned(), name.map(|found| found.name).into());
            }
            Owner::Project(id) => {
                let name = self.projects.iter().find(|project| project.id == id);
                into.insert("projectid".to_owned(), id.to_string().into());
                into.insert("project".to_owned(), name.map(|found| found.name).into());
            }
        }
        into.insert("domainid".to_owned(), self.domain.to_string().into());
        into.insert("domain".to_owned(), "ROOT".into());
    }

    /// Whose what a call makes is going to be.
    pub(crate) fn owner_for(&self, call: &Call) -> Result<Owner, Refusal> {
        if let Some(project) = call.id("projectid")? {
            if !self.projects.iter().any(|found| found.id == project) {
                return Err(call.no_entity("projectid", project));
            }
            if !self.is_member(call.caller, project) {
                return Err(Refusal::new(
                    Code::ACCOUNT,
                    "Account doesn't have permission to access the project",
                ));
            }
            return Ok(Owner::Project(project));
        }
        let Some(name) = call.text("account") else {
            return Ok(Owner::Account(call.caller.account));
        };
        let account = self.named(name).ok_or_else(|| {
            Refusal::parameter(format!("Unable to find account by name {name} in domain"))
        })?;
        if account.id != call.caller.account && call.caller.role == Role::User {
            return Err(Refusal::new(
                Code::ACCOUNT,
                format!("Account does not have permission to operate with resource of {name}"),
            ));
        }
        Ok(Owner::Account(account.id))
    }

    /// Whether a list that a call asks for has what is that owner's.
    pub(crate) fn lists(&self, call: &Call, owner: Owner) -> Result<bool, Refusal> {
        if call.text("projectid") == Some("-1") {
            return Ok(match owner {
                Owner::Account(account) => account == call.caller.account,
                Owner::Project(project) => self.is_member(call.caller, project),
            });
        }
        let everything = call.caller.role == Role::Administrator
            && call.flag("listall")?.unwrap_or_default()
            && call.text("account").is_none()
            && call.text("projectid").is_none();
        if everything {
            return Ok(matches!(owner, Owner::Account(_)));
        }
        Ok(owner == self.owner_for(call)?)
    }

    /// Refuses what is somebody else's.
    pub(crate) fn check(&self, caller: Caller, owner: Owner, what: &str) -> Result<(), Refusal> {
        let may = caller.role == Role::Administrator
            || match owner {
                Owner::Account(account) => account == caller.account,
                Owner::Project(project) => self.is_member(caller, project),
            };
        if may {
            return Ok(());
        }
        Err(Refusal::new(
            Code::ACCOUNT,
            format!("Account does not have permission to operate with resource {what}"),
        ))
    }
}

/// The account that signed a call, if its key and the signature are good.
pub(crate) fn authenticate<'a>(
    state: &'a State,
    api_key: Option<&str>,
    signed: impl Fn(&str) -> bool,
) -> Result<&'a Account, Refusal> {
    let refusal = || {
        Refusal::new(
            Code::UNAUTHORIZED,
            "unable to verify user credentials and/or request signature",
        )
    };
    let account = api_key.and_then(|key| state.people.keyed(key));
    let account = account.ok_or_else(refusal)?;
    let disabled = account.role == Role::User && state.settings.keys == Keys::Disabled;
    if disabled || !signed(&account.secret_key) {
        return Err(refusal());
    }
    Ok(account)
}

pub(crate) fn list_users(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let people = &state.people;
    let mut found = Vec::new();
    for account in &people.accounts {
        if !people.lists(call, Owner::Account(account.id))? {
            continue;
        }
        found.push(json!({
            "id": account.user, "username": account.name, "account": account.name, "accountid": account.id,
            "firstname": account.name, "lastname": "test", "state": "enabled", "apikey": account.api_key,
            "accounttype": number(account.role), "domainid": people.domain, "domain": "ROOT",
            "usersource": "native",
        }));
    }
    call.page("user", found, state.settings.page_size)
}

fn number(role: Role) -> u8 {
    match role {
        Role::User => 0,
        Role::Administrator => 1,
    }
}

pub(crate) fn list_accounts(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let people = &state.people;
    let mut found = Vec::new();
    for account in &people.accounts {
        let owner = Owner::Account(account.id);
        let asked = call.text("name").is_none_or(|name| name == account.name)
            && call.id("id")?.is_none_or(|id| id == account.id);
        if !asked || !people.lists(call, owner)? {
            continue;
        }
        let mut view = Map::new();
        view.insert("id".to_owned(), account.id.to_string().into());
        view.insert("name".to_owned(), account.name.into());
        view.insert("accounttype".to_owned(), number(account.role).into());
        view.insert("state".to_owned(), "enabled".into());
        view.insert("domainid".to_owned(), people.domain.to_string().into());
        view.insert("domain".to_owned(), "ROOT".into());
        crate::limits::tell(&state, owner, &mut view);
        found.push(view.into());
    }
    call.page("account", found, state.settings.page_size)
}

pub(crate) fn list_projects(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let people = &state.people;
    let mut found = Vec::new();
    for project in &people.projects {
        let asked = call.text("name").is_none_or(|name| name == project.name)
            && call.id("id")?.is_none_or(|id| id == project.id);
        if !asked || !people.is_member(call.caller, project.id) {
            continue;
        }
        let mut view = Map::new();
        view.insert("id".to_owned(), project.id.to_string().into());
        view.insert("name".to_owned(), project.name.into());
        view.insert("displaytext".to_owned(), project.name.into());
        view.insert("state".to_owned(), "Active".into());
        view.insert("domainid".to_owned(), people.domain.to_string().into());
        view.insert("domain".to_owned(), "ROOT".into());
        crate::limits::tell(&state, Owner::Project(project.id), &mut view);
        found.push(view.into());
    }
    call.page("project", found, state.settings.page_size)
}
