//! What is said of a plan, without its costs.

use std::collections::HashMap;

use serde_json::Value;

/// A node of a plan.
pub(super) struct Plan {
    kind: String,
    /// What the node is to its parent, if it has a name: a CTE, a subplan.
    part: Option<String>,
    relation: Option<String>,
    index: Option<String>,
    condition: String,
    children: Vec<Plan>,
}

impl Plan {
    /// Reads what `explain (format json)` says.
    pub(super) fn read(explained: &Value) -> Self {
        Self::node(&explained[0]["Plan"])
    }

    fn node(node: &Value) -> Self {
        let text = |field: &str| node[field].as_str().map(str::to_owned);
        let operation = text("Operation").map_or(String::new(), |it| format!(" {it}"));
        let children = node["Plans"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        // Since 16 the sort of an ordered aggregate is a node of its own; before, the aggregate did it within itself. Only
        // an aggregate of one group is meant: sorting and hashing groups are choices.
        let one_group = node["Node Type"] == "Aggregate" && node["Strategy"] == "Plain";
        let children = match children {
            [sort] if one_group && sort["Node Type"] == "Sort" => {
                sort["Plans"].as_array().map_or(&[] as &[Value], Vec::as_slice)
            }
            children => children,
        };
        Self {
            kind: text("Node Type").expect("every node has a type") + &operation,
            // The numbers of its parameters say nothing.
            part: text("Subplan Name").map(|it| {
                let end = it.find(" (returns").unwrap_or(it.len());
                it[..end].to_owned()
            }),
            relation: text("Relation Name"),
            index: text("Index Name"),
            condition: text("Index Cond").unwrap_or_default(),
            children: children.iter().map(Self::node).collect(),
        }
    }

    /// Its nodes, one a line.
    pub(super) fn shape(&self) -> String {
        let mut lines = Vec::new();
        self.lines(0, &mut lines);
        lines.join("\n")
    }

    fn lines(&self, depth: usize, lines: &mut Vec<String>) {
        let part = self.part.as_ref().map_or(String::new(), |it| format!("{it}: "));
        let on = self.relation.as_ref().map_or(String::new(), |it| format!(" on {it}"));
        let by = self.index.as_ref().map_or(String::new(), |it| format!(" by {it}"));
        lines.push(format!("{}{part}{}{on}{by}", "  ".repeat(depth), self.kind));
        for child in &self.children {
            child.lines(depth + 1, lines);
        }
    }

    fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for child in &self.children {
            child.walk(visit);
        }
    }

    /// Tables that are read from end to end.
    ///
    /// `first_columns` says by what each index is ordered: without a condition on that it is read from end to end.
    pub(super) fn whole_tables(&self, first_columns: &HashMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            let by_key = ["Bitmap Heap Scan", "Tid Scan"].contains(&node.kind.as_str());
            let scan = node.kind.ends_with("Scan") && !by_key;
            let table = node.relation.is_some() || node.index.is_some();
            let first = node.index.as_ref().and_then(|index| first_columns.get(index));
            let bounded = first.is_some_and(|first| {
                node.condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == first)
            });
            if scan && table && !bounded {
                let of = node.relation.as_ref().or(node.index.as_ref());
                let by = node.index.as_deref().unwrap_or("no index");
                let table = of.expect("one of them");
                found.push(format!("{} of {table} by {by}", node.kind));
            }
        });
        found
    }

    /// The conditions that bound its scans of indexes.
    pub(super) fn bounds(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.walk(&mut |node| found.push(node.condition.as_str()));
        found.retain(|condition| !condition.is_empty());
        found
    }

    /// Whether it reads, or changes, this table itself, not by what it is joined with.
    fn reads(&self, tables: &[&str]) -> bool {
        let mut reads = false;
        self.walk(&mut |node| {
            let here = node.relation.as_deref();
            reads |= here.is_some_and(|table| tables.contains(&table));
        });
        reads
    }

    /// Everything that could be done in another way when statistics change.
    pub(super) fn choices(&self, first_columns: &HashMap<String, String>) -> Vec<String> {
        let mut found = self.whole_tables(first_columns);
        self.walk(&mut |node| {
            let chosen = ["Hash Join", "Merge Join"].contains(&node.kind.as_str());
            if chosen && node.reads(&["runs", "journal"]) {
                found.push(format!("{}\n{}", node.kind, node.shape()));
            }
        });
        found
    }
}

#[test]
fn an_ordered_aggregate_is_the_same_wherever_it_sorts() {
    let shape = |plan: Value| Plan::read(&serde_json::json!([{ "Plan": plan }])).shape();
    let scan = serde_json::json!({ "Node Type": "CTE Scan" });
    let sort = serde_json::json!({ "Node Type": "Sort", "Plans": [scan] });
    let aggregate = |strategy: &str, below: &Value| {
        shape(serde_json::json!({ "Node Type": "Aggregate", "Strategy": strategy, "Plans": [below] }))
    };
    assert_eq!(aggregate("Plain", &sort), aggregate("Plain", &scan));
    assert_eq!(aggregate("Plain", &scan), "Aggregate\n  CTE Scan");
    assert_ne!(aggregate("Sorted", &sort), aggregate("Hashed", &scan));
    assert_ne!(shape(sort), shape(scan), "any other sort is seen");
}
