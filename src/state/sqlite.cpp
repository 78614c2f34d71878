#include "sqlite.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sqlite3.h>
#include <system_error>
#include <unistd.h>

namespace sluice::state {
namespace {

constexpr int busy_milliseconds = 1000;

[[noreturn]] void fail(sqlite3* database, int code)
{
    const char* words = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    throw sqlite_error(code, words);
}

// Nobody else's to read; what SQLite makes beside it gets the same mode.
void make_private(const std::string& path)
{
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0)
        ::close(file);
}

sqlite_database open_whole(const std::string& path, const char* schema)
{
    make_private(path);
    sqlite_database opened(path, sqlite_database::mode::create);
    opened.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA journal_size_limit=8388608;");
    {
        auto check = opened.prepare("PRAGMA quick_check(1)");
        if (check.step() && check.text(0) != "ok")
            throw sqlite_error(SQLITE_CORRUPT, std::string(check.text(0)));
    }
    opened.run(schema);
    return opened;
}

// The log of writes goes with the file: alone it would be taken for the new one's.
void set_aside(const std::string& path)
{
    std::error_code ec;
    std::filesystem::rename(path, path + ".corrupt", ec);
    if (ec)
        std::filesystem::remove(path, ec);
    for (const auto* behind : {"-wal", "-shm"})
        std::filesystem::remove(path + behind, ec);
}

}  // namespace

bool sqlite_error::corrupt() const noexcept
{
    const int code = code_ & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool sqlite_error::interrupted() const noexcept
{
    return (code_ & 0xff) == SQLITE_INTERRUPT;
}

sqlite_statement::sqlite_statement(sqlite3_stmt* compiled) noexcept
    : compiled_(compiled)
{
}

void sqlite_statement::finalizer::operator()(sqlite3_stmt* compiled) const noexcept
{
    sqlite3_finalize(compiled);
}

void sqlite_statement::check(int code) const
{
    if (code != SQLITE_OK)
        fail(sqlite3_db_handle(compiled_.get()), code);
}

sqlite_statement& sqlite_statement::bind(int at, std::int64_t value)
{
    check(sqlite3_bind_int64(compiled_.get(), at, value));
    return *this;
}

sqlite_statement& sqlite_statement::bind(int at, std::string_view text)
{
    // An empty view may have no address, which would bind a null.
    const char* from = text.empty() ? "" : text.data();
    check(
        sqlite3_bind_text(compiled_.get(), at, from, static_cast<int>(text.size()), SQLITE_STATIC));
    return *this;
}

bool sqlite_statement::step()
{
    const int code = sqlite3_step(compiled_.get());
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    auto* const database = sqlite3_db_handle(compiled_.get());
    const std::string words = sqlite3_errmsg(database);
    reset();
    throw sqlite_error(code, words);
}

void sqlite_statement::run()
{
    while (step()) {
    }
}

void sqlite_statement::reset() noexcept
{
    sqlite3_reset(compiled_.get());
}

std::int64_t sqlite_statement::integer(int column) noexcept
{
    return sqlite3_column_int64(compiled_.get(), column);
}

std::string_view sqlite_statement::text(int column) noexcept
{
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(compiled_.get(), column));
    const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(compiled_.get(), column));
    return text != nullptr ? std::string_view(text, bytes) : std::string_view{};
}

void sqlite_database::closer::operator()(sqlite3* open) const noexcept
{
    sqlite3_close_v2(open);
}

sqlite_database::sqlite_database(const std::string& path, mode how)
{
    const int flags =
        how == mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    open_.reset(opened);
    if (code != SQLITE_OK)
        fail(opened, code);
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_timeout(opened, busy_milliseconds);
}

void sqlite_database::run(const char* sql)
{
    const int code = sqlite3_exec(open_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail(open_.get(), code);
}

sqlite_statement sqlite_database::prepare(std::string_view sql)
{
    sqlite3_stmt* compiled = nullptr;
    const int code = sqlite3_prepare_v2(
        open_.get(), sql.data(), static_cast<int>(sql.size()), &compiled, nullptr);
    if (code != SQLITE_OK)
        fail(open_.get(), code);
    return sqlite_statement(compiled);
}

void sqlite_database::roll_back()
{
    if (sqlite3_get_autocommit(open_.get()) == 0)
        run("ROLLBACK");
}

sqlite_database open_store(const std::string& path, const char* schema, std::string& complaint)
{
    try {
        return open_whole(path, schema);
    } catch (const sqlite_error& why) {
        if (!why.corrupt())
            throw;
        complaint = path + " is corrupt (" + why.what() + "); it is kept as " + path
                    + ".corrupt and begun anew";
    }
    set_aside(path);
    return open_whole(path, schema);
}

}  // namespace sluice::state
