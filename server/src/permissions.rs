//! What a caller may do beyond what is their own. Roles map to permissions here and nowhere else; everything that
//! decides asks for a permission, never for a role.

use bitflags::bitflags;
use ro_co_shared::Role;

bitflags! {
    /// A set of permissions. A token of narrower scope has the intersection of its scope and its user's role.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Permissions: u32 {
        /// Edit, mark and delete questions and answers of other users.
        const EDIT_ANY_CONTENT = 1;
        /// List accounts and read the fields that only their owners see.
        const VIEW_ACCOUNTS = 1 << 1;
        /// Delete accounts of other users.
        const DELETE_ACCOUNTS = 1 << 2;
    }
}

impl From<Role> for Permissions {
    fn from(role: Role) -> Self {
        match role {
            Role::User | Role::Unknown => Self::empty(),
            Role::Admin => Self::all(),
        }
    }
}
