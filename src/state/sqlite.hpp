#pragma once
// SQLite with owners and exceptions. One thread at a time per database.

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::state {

class sqlite_error : public std::runtime_error {
public:
    sqlite_error(int code, const std::string& what)
        : std::runtime_error(what),
          code_(code)
    {
    }

    // The file is not what SQLite wrote, or not of our form: no use to try again.
    [[nodiscard]] bool corrupt() const noexcept;
    // A file could not be made, read or written.
    [[nodiscard]] bool of_the_disk() const noexcept;
    // It was opened to be read only, or became so.
    [[nodiscard]] bool read_only() const noexcept;
    // A statement does not fit what is in the file.
    [[nodiscard]] bool of_the_form() const noexcept;
    // A progress handler or a time limit ended it.
    [[nodiscard]] bool interrupted() const noexcept;

private:
    int code_;
};

class sqlite_statement {
public:
    explicit sqlite_statement(sqlite3_stmt* compiled) noexcept;

    // Parameters count from 1, columns from 0. A text outlives the next step.
    sqlite_statement& bind(int at, std::int64_t value);
    sqlite_statement& bind(int at, std::string_view text);
    // Whether there is a row. After the last one it can be bound and run again.
    bool step();
    void run();  // for a statement without rows
    void reset() noexcept;

    [[nodiscard]] std::int64_t integer(int column) noexcept;
    // Whether it is one, and not a text or a fraction that is read as one.
    [[nodiscard]] bool is_integer(int column) noexcept;
    // Valid until the next step.
    [[nodiscard]] std::string_view text(int column) noexcept;

private:
    struct finalizer {
        void operator()(sqlite3_stmt* compiled) const noexcept;
    };
    void check(int code) const;

    std::unique_ptr<sqlite3_stmt, finalizer> compiled_;
};

class sqlite_database {
public:
    enum class mode : std::uint8_t { create, read };

    // To read one needs no room on the disk where all of it stands in the file, as after a clean
    // end; SQLite alone would make a file beside it.
    sqlite_database(const std::string& path, mode how);

    void run(const char* sql);  // may be several statements
    [[nodiscard]] sqlite_statement prepare(std::string_view sql);
    // What `work` does is done whole or, when it throws sqlite_error, not at all.
    template <class Work>
    void transaction(const Work& work)
    {
        roll_back();
        run("BEGIN IMMEDIATE");
        try {
            work();
            run("COMMIT");
        } catch (const sqlite_error&) {
            roll_back();
            throw;
        }
    }
    // Whether the log of writes is put into the file, and deleted, with the last use of it.
    void end_log_at_close(bool ends) noexcept;
    // The file was deleted or renamed, and what is written is nobody's.
    [[nodiscard]] bool moved() const noexcept;
    [[nodiscard]] sqlite3* handle() const noexcept { return open_.get(); }

private:
    void open(const std::string& name, int flags);
    // A full disk ends a transaction by itself, or not.
    void roll_back();

    struct closer {
        void operator()(sqlite3* open) const noexcept;
    };
    std::unique_ptr<sqlite3, closer> open_;
};

// Where a database was taken away with its directory, and that is another gateway's by now.
[[nodiscard]] sqlite_error not_our_directory();

// What a database of ours is like.
struct store_form {
    const char* schema;                        // makes what is not there
    std::vector<std::string_view> statements;  // what it is used with
    // To look through a file takes seconds a gigabyte, tens of them where the disk is slow. One of
    // more octets than this is taken for whole unless damage was met in it, which stands here then.
    std::uintmax_t most_looked_through = std::numeric_limits<std::uintmax_t>::max();
    std::string_view damage = {};
};

// Opens the file for writing with a write-ahead log and full syncs, sees that it is whole and can
// be used with these statements. What cannot is renamed to PATH.corrupt (then PATH.corrupt.2 and so
// on) with its log of writes, with a complaint, and begun anew. Throws sqlite_error when even that
// does not work.
[[nodiscard]] sqlite_database open_store(
    const std::string& path, const store_form& form, std::string& complaint);

}  // namespace sluice::state
