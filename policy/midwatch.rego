# What makes a change harder or impossible, from the tables `growth`, `freezes` and `limits` of policy.yaml.
#
# Findings only make the matrix stricter: `deny` stops a proposal, `more` asks for further approvals. A file of your own
# beside your policy.yaml adds to both, in a package below this one (docs/policy.md says what `input` holds):
#
#     package midwatch.payments
#     import rego.v1
#
#     deny contains "payments is settled at night" if {
#         some action in input.actions
#         "payments" in action.services
#         input.hour < 4
#     }
package midwatch

import rego.v1

# ---- Growth: more people for what reaches further ---------------------------------------------------------------------

more contains {"name": row.name, "add": row.add, "why": concat(", ", reasons)} if {
	some row in data.policy.growth
	some action in input.actions
	concerns(row, action)
	reasons := crossed(row, action)
	count(reasons) == count(thresholds(row))
	count(reasons) > 0
}

# Each threshold that a row names.
thresholds(row) := [name |
	some name in ["pods_over", "callers_over", "usd_per_hour_over", "confidence_under", "reversibility"]
	names_it(row, name)
]

names_it(row, name) if {
	name != "reversibility"
	row[name] != null
}

names_it(row, name) if {
	name == "reversibility"
	count(row.reversibility) > 0
}

# Each threshold that the action crosses, in words.
crossed(row, action) := [why |
	some name in thresholds(row)
	why := crosses(name, row, action)
]

crosses("pods_over", row, action) := sprintf("touches more than %d pods", [row.pods_over]) if {
	action.pods > row.pods_over
}

crosses("callers_over", row, action) := sprintf("has more than %d callers", [row.callers_over]) if {
	action.callers > row.callers_over
}

crosses("usd_per_hour_over", row, _) := sprintf("costs more than %v USD an hour", [row.usd_per_hour_over]) if {
	input.usd_per_hour != null
	input.usd_per_hour > row.usd_per_hour_over
}

crosses("confidence_under", row, _) := sprintf("rests on a diagnosis that is less than %d %% sure", [round(row.confidence_under * 100)]) if {
	input.confidence < row.confidence_under
}

crosses("reversibility", row, action) := "cannot be put back as it was" if {
	action.reversibility in row.reversibility
}

# ---- Freezes: windows of the calendar in which nothing is changed, or only with more people ---------------------------

deny contains {"name": row.name, "why": sprintf("%s is in force", [row.name])} if {
	some row in frozen
	row.add == null
}

more contains {"name": row.name, "add": row.add, "why": sprintf("falls into %s", [row.name])} if {
	some row in frozen
	row.add != null
}

frozen contains row if {
	some row in data.policy.freezes
	some window in row.during
	window in input.windows
	some action in input.actions
	concerns(row, action)
}

# ---- Limits: what was really executed, and what this would add --------------------------------------------------------

deny contains {"name": limit.name, "why": why} if {
	some limit in data.policy.limits
	limit.most_actions != null
	some action in input.actions
	concerns(limit, action)
	counted := count([1 | some change in alike(limit, action)])
	counted > limit.most_actions
	why := sprintf("%s: this would be change number %d, %s", [limit.name, counted, period(limit, limit.most_actions)])
}

deny contains {"name": limit.name, "why": why} if {
	some limit in data.policy.limits
	limit.most_pods != null
	some action in input.actions
	concerns(limit, action)
	counted := sum([change.pods | some change in alike(limit, action)])
	counted > limit.most_pods
	why := sprintf("%s: %d pods would be touched, %s", [limit.name, counted, period(limit, limit.most_pods)])
}

period(limit, most) := sprintf("at most %d an hour", [most]) if limit.per == "hour"

period(limit, most) := sprintf("at most %d an hour of one service", [most]) if limit.per == "service"

period(limit, most) := sprintf("at most %d in one incident", [most]) if limit.per == "incident"

# Everything that counts against a limit together with an action: what was done, and the whole proposal.
alike(limit, action) := array.concat(
	[change | some change in input.done; counts(limit, action, change)],
	[change | some change in input.actions; shares(limit, action, change); concerns(limit, change)],
)

counts(limit, action, change) if {
	limit.per != "incident"
	change.seconds_ago <= 3600
	shares(limit, action, change)
	concerns(limit, change)
}

counts(limit, _, change) if {
	limit.per == "incident"
	change.incident == input.incident
	concerns(limit, change)
}

shares(limit, _, _) if limit.per != "service"

shares(limit, action, change) if {
	limit.per == "service"
	change.cluster == action.cluster
	change.namespace == action.namespace
	some service in change.services
	service in action.services
}

# ---- What a row of a table is about -----------------------------------------------------------------------------------

concerns(row, action) if {
	among(action.kind, row.actions)
	among(action.cluster, row.clusters)
	among(action.namespace, row.namespaces)
	among(action.environment, row.environments)
	serves(row, action)
}

serves(row, _) if count(row.services) == 0

serves(row, action) if {
	some service in action.services
	matches(service, row.services)
}

among(_, patterns) if count(patterns) == 0

among(name, patterns) if matches(name, patterns)

matches(name, patterns) if {
	some pattern in patterns
	glob.match(pattern, null, name)
}
