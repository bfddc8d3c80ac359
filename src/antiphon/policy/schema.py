"""What policies can read: the schema that each is checked by, and each request."""

from functools import cache

from cedarpy import Schema

SCHEMA = """\
// Whose request it is. A principal is in its team, its department and each of its roles.
entity Team;
entity Department;
entity Role;
entity User in [Team, Department, Role] {
    tenant: String,
    key: String,             // name of the key, or of what stands for one
    user: String,            // empty: unknown; so are the next four
    team: String,
    department: String,
    employment: String,      // such as "employee", "contractor", "service"
    clearance: String,       // the highest data class that it may send; empty: none was given
    clearance_rank: Long,    // 0 public, 1 internal, 2 confidential, 3 restricted; -1: none was given
    roles: Set<String>,
    tags: Set<String>,
    admin: Bool
};

// What it is about.
entity Deployment {
    name: String,
    provider: String,
    model: String,           // the provider's own id of the model
    zone: String,            // "public" or "private"
    region: String,          // empty: unknown
    tier: String,            // empty: none
    tier_rank: Long,         // place in policy.tiers, from 0; that of a tier that isn't there is their number
    terms: Set<String>       // what its provider has agreed to, such as "no_training"
};
entity Tool {
    name: String,
    effects: Set<String>     // such as "read", "write", "egress"
};
entity Collection {
    name: String,
    data_class: String,
    data_class_rank: Long,
    department: String
};
entity Control {
    name: String             // what is administered or approved, such as "keys", "call_model", "publish_policy"
};

// Under which circumstances.
type Circumstances = {
    data_class: String,      // "public", "internal", "confidential" or "restricted"
    data_class_rank: Long,   // 0 to 3
    model: String,           // the public name that was asked for
    route: String,
    recipe: String,          // empty: none
    operation: String,       // such as "chat", "embeddings", "images"
    modalities: Set<String>, // "text", "image", "audio", "file"
    tools: Set<String>,      // names of the tools that the request brings
    purpose: String,         // what the caller says; empty: nothing
    findings: Set<String>,   // kinds of what guards found, such as "email", "secret"
    facts: Set<String>,      // "NAME:VALUE", such as "language:de"
    injection: Long,         // 0 to 100
    tainted: Bool,           // something untrusted has come into the session
    session: Bool,           // it belongs to one
    hour: Long,              // UTC, 0 to 23
    weekday: Long,           // UTC, 1 for Monday to 7 for Sunday
    budget: String           // "ok", "low" or "spent"
};

action call_model appliesTo { principal: [User], resource: [Deployment], context: Circumstances };
action use_tool appliesTo { principal: [User], resource: [Tool], context: Circumstances };
action read_collection appliesTo { principal: [User], resource: [Collection], context: Circumstances };
action administer, approve appliesTo { principal: [User], resource: [Control], context: Circumstances };
"""
"""In Cedar's own words."""


@cache
def schema() -> Schema:
    """The schema, parsed."""
    return Schema.from_str(SCHEMA)
