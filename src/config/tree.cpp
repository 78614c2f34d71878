#include "tree.hpp"

#include <sluice/base/text.hpp>

#include <simdjson.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace sluice::config {
namespace {

struct position_in_file {
    std::size_t line = 1;
    std::size_t column = 1;
};

position_in_file at(const YAML::Mark& mark)
{
    const auto from_zero = [](int n) {
        return n < 0 ? std::size_t{1} : static_cast<std::size_t>(n) + 1;
    };
    return {from_zero(mark.line), from_zero(mark.column)};
}

// Ends the parse from inside yaml-cpp; caught in parse_tree.
struct given_up {
    position_in_file where;
    std::string why;
};

std::size_t height(const node& node)
{
    std::size_t below = 0;
    for (const auto& member : node.members)
        below = std::max(below, height(member.value));
    return below + 1;
}

std::size_t node_count(const node& node)
{
    std::size_t all = 1;
    for (const auto& member : node.members)
        all += node_count(member.value);
    return all;
}

bool known_tag(std::string_view tag)
{
    constexpr std::string_view core = "tag:yaml.org,2002:";
    return tag.empty() || tag == "?" || tag == "!" || tag.starts_with(core);
}

class tree_builder : public YAML::EventHandler {
public:
    explicit tree_builder(complaints& complaints)
        : complaints_(complaints)
    {
    }

    node take() { return std::move(root_); }

    [[nodiscard]] position_in_file began() const { return began_; }

    void OnDocumentStart(const YAML::Mark& mark) override { began_ = at(mark); }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        complete(made(node::kind::null, mark, ""), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            throw given_up{at(mark), "this alias stands inside what it names"};
        if (open_.size() + height(found->second) > max_depth)
            throw given_up{at(mark), too_deep()};
        count(node_count(found->second), at(mark));
        complete(node(found->second), 0);
    }

    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value) override
    {
        node scalar = made(node::kind::scalar, mark, tag);
        scalar.plain = tag == "?";
        scalar.text = value;
        complete(std::move(scalar), anchor);
    }

    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override
    {
        open(made(node::kind::sequence, mark, tag), anchor, mark);
    }

    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override
    {
        open(made(node::kind::map, mark, tag), anchor, mark);
    }

    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

private:
    struct frame {
        node collection;
        YAML::anchor_t anchor = 0;
        bool has_key = false;
        node key;
    };

    static std::string too_deep()
    {
        return "nested too deep, at most " + std::to_string(max_depth) + " levels";
    }

    void count(std::size_t nodes, position_in_file where)
    {
        nodes_ += nodes;
        if (nodes_ > max_nodes)
            throw given_up{where, "more than " + std::to_string(max_nodes) + " values"};
    }

    node made(node::kind is, const YAML::Mark& mark, const std::string& tag)
    {
        count(1, at(mark));
        node made;
        made.is = is;
        made.line = at(mark).line;
        made.column = at(mark).column;
        if (!known_tag(tag)) {
            complaints_.add(made.line, made.column, "", "tags have no meaning here, leave it out");
            made.refused = true;
        }
        return made;
    }

    void open(node collection, YAML::anchor_t anchor, const YAML::Mark& mark)
    {
        if (open_.size() >= max_depth)
            throw given_up{at(mark), too_deep()};
        open_.push_back({.collection = std::move(collection), .anchor = anchor, .key = {}});
    }

    void close()
    {
        frame done = std::move(open_.back());
        open_.pop_back();
        if (done.collection.is == node::kind::map) {
            refuse_duplicates(done.collection, complaints_);
            merge(done.collection, complaints_);
        }
        complete(std::move(done.collection), done.anchor);
    }

    void complete(node value, YAML::anchor_t anchor)
    {
        if (anchor != 0) {
            count(node_count(value), {value.line, value.column});  // the copy is memory too
            anchors_[anchor] = value;
        }
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        frame& top = open_.back();
        if (top.collection.is == node::kind::sequence) {
            top.collection.members.push_back(
                {.name = {},
                 .line = value.line,
                 .column = value.column,
                 .value = std::move(value)});
        } else if (!top.has_key) {
            top.key = std::move(value);
            top.has_key = true;
        } else {
            top.has_key = false;
            add_member(top, std::move(value));
        }
    }

    void add_member(frame& top, node value)
    {
        if (top.key.is != node::kind::scalar) {
            complaints_.add(top.key.line, top.key.column, "", "a key has to be a name");
            return;
        }
        top.collection.members.push_back(
            {.name = std::move(top.key.text),
             .line = top.key.line,
             .column = top.key.column,
             .value = std::move(value)});
    }

    complaints& complaints_;
    position_in_file began_;
    std::size_t nodes_ = 0;
    node root_;
    std::vector<frame> open_;
    std::unordered_map<YAML::anchor_t, node> anchors_;
};

// The first byte that YAML does not allow, if any: control characters, and what is not UTF-8.
// yaml-cpp would read some of them as the end of the file.
bool refuse_bytes(std::string_view text, complaints& complaints)
{
    std::size_t line = 1;
    for (std::size_t begin = 0; begin <= text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view one = text.substr(begin, end - begin);
        const auto bad = std::find_if(one.begin(), one.end(), [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return (byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7f;
        });
        const bool utf8 = simdjson::validate_utf8(one.data(), one.size());
        if (bad != one.end() || !utf8) {
            complaints.add(
                line,
                bad != one.end() ? static_cast<std::size_t>(bad - one.begin()) + 1 : 1,
                "",
                bad != one.end() ? "a control character, only text is allowed"
                                 : "this line is not UTF-8");
            return true;
        }
        begin = end + 1;
    }
    return false;
}

// yaml-cpp keeps 200 bytes for every bracket that is open before it tells of the first one. Quotes
// and comments are not looked into, so the bound lies far above what a depth of 32 needs.
bool refuse_brackets(std::string_view text, complaints& complaints)
{
    constexpr std::size_t most_open = 10'000;
    std::size_t open = 0;
    std::size_t line = 1;
    for (const char c : text) {
        if (c == '\n')
            ++line;
        if (c == '[' || c == '{')
            ++open;
        else if ((c == ']' || c == '}') && open > 0)
            --open;
        if (open > most_open) {
            complaints.add(
                line, 1, "", "more than " + std::to_string(most_open) + " brackets are open here");
            return true;
        }
    }
    return false;
}

// The text and, where its last line is blank, a comment: otherwise yaml-cpp takes a quote that is
// never closed to end with the file, whatever keys are swallowed by it.
std::string with_an_end(std::string_view text)
{
    const auto last = text.find_last_not_of(" \t");
    const bool blank = last == std::string_view::npos || text[last] == '\n' || text[last] == '\r';
    std::string ended(text);
    if (blank)
        ended += ended.ends_with('\n') ? "#" : "\n#";
    return ended;
}

// What yaml-cpp says, and what it does not: of indentation by tabs it tells by what came of it.
std::string syntax_error(const YAML::Exception& error, std::string_view text)
{
    if (error.msg == YAML::ErrorMsg::EOF_IN_SCALAR)
        return "YAML: the file ends within a quote that is never closed";
    for (int line = 0; line < error.mark.line; ++line)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const auto indent = text.substr(0, text.find_first_not_of(" \t"));
    const bool tabs = !error.mark.is_null() && indent.find('\t') != std::string_view::npos;
    return "YAML: " + error.msg
           + (tabs ? ", this line begins with a tab where only spaces may" : "");
}

}  // namespace

node parse_tree(std::string_view text, complaints& complaints)
{
    if (text.size() > max_file_bytes) {
        complaints.add(0, 0, "", "larger than 4MiB");
        return {};
    }
    if (refuse_bytes(text, complaints) || refuse_brackets(text, complaints))
        return {};
    try {
        std::istringstream in{with_an_end(text)};
        YAML::Parser parser(in);
        tree_builder first(complaints);
        if (!parser.HandleNextDocument(first))
            return {};
        auto unread = complaints;
        tree_builder second(unread);
        if (parser.HandleNextDocument(second))
            complaints.add(
                second.began().line,
                second.began().column,
                "",
                "more than one YAML document, only one is allowed");
        return first.take();
    } catch (const YAML::Exception& error) {
        complaints.add(at(error.mark).line, at(error.mark).column, "", syntax_error(error, text));
    } catch (const given_up& reason) {
        complaints.add(reason.where.line, reason.where.column, "", reason.why);
    }
    return {};
}

}  // namespace sluice::config
