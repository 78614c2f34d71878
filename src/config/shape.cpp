#include "place.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

bool has_below(std::string_view pattern, std::string_view mark)
{
    const auto all = schema();
    return std::any_of(all.begin(), all.end(), [&](const schema_row& row) {
        return row.path.starts_with(pattern) && row.path.substr(pattern.size()).starts_with(mark);
    });
}

bool is_list(const schema_row& row)
{
    return row.kind == value_kind::texts || row.kind == value_kind::secrets;
}

class checker {
public:
    explicit checker(complaints& complaints)
        : complaints_(complaints)
    {
    }

    void check(node& at, const std::string& path, const std::string& pattern)
    {
        if (at.refused)
            return;
        const auto* row = find_row(pattern);
        if (row != nullptr && row->kind == value_kind::section)
            check_section(at, path, *row);
        else if (row != nullptr)
            check_value(at, path, *row);
        else if (has_below(pattern, "[]."))
            check_list(at, path, pattern + "[]");
        else
            check_map(at, path, pattern);
    }

private:
    void refuse(node& at, const std::string& path, std::string what)
    {
        at.refused = true;
        complaints_.add(at.line, at.column, path, std::move(what));
    }

    void check_section(node& at, const std::string& path, const schema_row& row)
    {
        if (row.off && at.is == node::kind::scalar && at.text == "off")
            return;
        if (row.list && at.is == node::kind::sequence)
            check_texts(at, path);
        else if (at.is == node::kind::map || at.is == node::kind::null)
            check_map(at, path, std::string(row.path));
        else
            refuse(
                at,
                path,
                std::string("has to be a map of keys, or ") + (row.list ? "a list" : "`off`"));
    }

    void check_value(node& at, const std::string& path, const schema_row& row)
    {
        if (!is_list(row)) {
            if (at.is == node::kind::null)
                refuse(at, path, "has no value, allowed: " + allowed(row));
            else if (at.is != node::kind::scalar)
                refuse(at, path, "takes one value, allowed: " + allowed(row));
            return;
        }
        if (at.is != node::kind::sequence) {
            refuse(at, path, "has to be a list, as [a, b]");
            return;
        }
        check_texts(at, path);
    }

    void check_texts(node& at, const std::string& path)
    {
        for (std::size_t i = 0; i < at.members.size(); ++i)
            if (node& one = at.members[i].value; !one.refused && one.is != node::kind::scalar)
                refuse(one, path + '[' + std::to_string(i) + ']', "has to be one value");
    }

    void check_list(node& at, const std::string& path, const std::string& pattern)
    {
        if (at.is == node::kind::null)
            return;
        if (at.is != node::kind::sequence) {
            refuse(at, path, "has to be a list");
            return;
        }
        for (std::size_t i = 0; i < at.members.size(); ++i) {
            node& one = at.members[i].value;
            const auto where = path + '[' + std::to_string(i) + ']';
            if (one.is == node::kind::null && !one.refused)
                refuse(one, where, "has no value, has to be a map of keys");
            else
                check(one, where, pattern);
        }
    }

    void check_map(node& at, const std::string& path, const std::string& pattern)
    {
        const bool any_name = has_below(pattern, pattern.empty() ? "*" : ".*");
        if (at.is != node::kind::map && at.is != node::kind::null) {
            refuse(at, path, any_name ? "has to be a map of names" : "has to be a map of keys");
            return;
        }
        if (any_name) {
            for (auto& member : at.members)
                check(member.value, below(path, shown_name(member.name)), pattern + ".*");
            return;
        }
        const auto known = names_below(pattern);
        for (auto& member : at.members) {
            const auto next = below(pattern, member.name);
            if (std::find(known.begin(), known.end(), member.name) != known.end())
                check(member.value, below(path, member.name), next);
            else
                complain_unknown(member, below(path, shown_name(member.name)), next, known);
        }
        for (const auto name : known)
            check_required(at, path, pattern, name);
    }

    void complain_unknown(
        const member& member,
        const std::string& path,
        const std::string& pattern,
        const std::vector<std::string_view>& known)
    {
        std::string what;
        if (comes_later(pattern)) {
            what = "not supported by this version";
        } else if (const auto near = nearest(member.name, known); !near.empty()) {
            what = "unknown key, did you mean `" + std::string(near) + "`?";
        } else {
            what = "unknown key, allowed:";
            for (const auto name : known)
                what += (name == known.front() ? " " : ", ") + std::string(name);
        }
        complaints_.add(member.line, member.column, path, std::move(what));
    }

    void check_required(
        const node& at, const std::string& path, const std::string& pattern, std::string_view name)
    {
        const auto* row = find_row(below(pattern, name));
        if (row == nullptr || !row->required)
            return;
        const bool there = std::any_of(
            at.members.begin(), at.members.end(), [&](const member& m) { return m.name == name; });
        if (!there)
            complaints_.add(
                at.line, at.column, below(path, name), "is missing, allowed: " + allowed(*row));
    }

    static std::string below(std::string_view above, std::string_view name)
    {
        return std::string(above) + (above.empty() ? "" : ".") + std::string(name);
    }

    complaints& complaints_;
};

}  // namespace

void check_shape(node& root, complaints& complaints)
{
    checker(complaints).check(root, "", "");
}

}  // namespace sluice::config
