#include "sqlite.hpp"

#include <sluice/state/aside.hpp>

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

// With nothing in a log of writes.
bool stands_in_its_file(const std::string& path)
{
    const std::filesystem::path log(path + "-wal");
    std::error_code ec;
    return !std::filesystem::exists(log, ec)
           || (std::filesystem::is_regular_file(log, ec) && std::filesystem::is_empty(log, ec));
}

// The name under which SQLite takes a file for one that nobody writes to:
// https://sqlite.org/uri.html
std::string unchanging(const std::string& path)
{
    std::string name = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#')
            name += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
        else
            name += c;
    }
    return name + "?immutable=1";
}

// A program newer than this one may have altered it, or somebody by hand.
void see_that_it_is_ours(sqlite_database& opened, const store_form& form)
{
    try {
        opened.run(form.schema);
        for (const auto each : form.statements)
            (void)opened.prepare(each);
        auto version = opened.prepare("PRAGMA user_version");
        const bool has_none = version.step() && version.integer(0) == 0;
        version.reset();
        if (has_none)  // a newer program's number is left to it
            opened.run("PRAGMA user_version = 1");
    } catch (const sqlite_error& why) {
        if (!why.of_the_form())
            throw;
        throw sqlite_error(SQLITE_NOTADB, std::string("it has another form: ") + why.what());
    }
}

void see_that_it_is_whole(sqlite_database& opened, const std::string& path, const store_form& form)
{
    std::error_code ec;
    const auto bytes = std::filesystem::file_size(path, ec);
    if (!ec && bytes > form.most_looked_through) {
        if (!form.damage.empty())
            throw sqlite_error(SQLITE_CORRUPT, std::string(form.damage));
        return;
    }
    auto check = opened.prepare("PRAGMA quick_check(1)");
    if (check.step() && check.text(0) != "ok")
        throw sqlite_error(SQLITE_CORRUPT, std::string(check.text(0)));
}

sqlite_database open_whole(const std::string& path, const store_form& form)
{
    std::error_code ec;
    const auto kind = std::filesystem::status(path, ec).type();
    if (kind != std::filesystem::file_type::regular && kind != std::filesystem::file_type::not_found
        && !ec)
        throw sqlite_error(SQLITE_NOTADB, "it is no file");
    make_private(path);
    sqlite_database opened(path, sqlite_database::mode::create);
    // Not before it is known to be whole: what was written last may be nowhere else.
    opened.end_log_at_close(false);
    opened.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA journal_size_limit=8388608;");
    see_that_it_is_whole(opened, path, form);
    see_that_it_is_ours(opened, form);
    opened.end_log_at_close(true);
    return opened;
}

// The logs of writes go with the file: alone they would be taken for the new one's, and what was
// written last is in them. Throws sqlite_error, and the file is where it was.
void set_aside(const std::string& path, const std::string& as)
{
    std::error_code ec;
    for (const auto* behind : {"-wal", "-journal"})
        std::filesystem::rename(path + behind, as + behind, ec);
    std::filesystem::remove(path + "-shm", ec);
    std::filesystem::rename(path, as, ec);
    if (ec)
        throw sqlite_error(SQLITE_CANTOPEN, path + " cannot be set aside: " + ec.message());
}

}  // namespace

bool sqlite_error::corrupt() const noexcept
{
    const int code = code_ & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool sqlite_error::of_the_disk() const noexcept
{
    const int code = code_ & 0xff;
    return code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL;
}

bool sqlite_error::read_only() const noexcept
{
    return (code_ & 0xff) == SQLITE_READONLY;
}

bool sqlite_error::of_the_form() const noexcept
{
    return (code_ & 0xff) == SQLITE_ERROR;
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

bool sqlite_statement::is_integer(int column) noexcept
{
    return sqlite3_column_type(compiled_.get(), column) == SQLITE_INTEGER;
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
    if (how == mode::create) {
        open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        return;
    }
    open(path, SQLITE_OPEN_READONLY);
    try {
        run("PRAGMA schema_version");
    } catch (const sqlite_error& why) {
        if (!why.of_the_disk() || !stands_in_its_file(path))
            throw;
        open(unchanging(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    }
}

void sqlite_database::open(const std::string& name, int flags)
{
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
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

void sqlite_database::end_log_at_close(bool ends) noexcept
{
    sqlite3_db_config(open_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, ends ? 0 : 1, nullptr);
}

bool sqlite_database::moved() const noexcept
{
    int has = 0;
    return sqlite3_file_control(open_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &has) == SQLITE_OK
           && has != 0;
}

void sqlite_database::roll_back()
{
    if (sqlite3_get_autocommit(open_.get()) == 0)
        run("ROLLBACK");
}

sqlite_error not_our_directory()
{
    return {
        SQLITE_CANTOPEN,
        "the state directory was taken away, and perhaps another was put in place: this gateway "
        "has to be restarted"};
}

sqlite_database open_store(const std::string& path, const store_form& form, std::string& complaint)
{
    std::string wrong;
    try {
        return open_whole(path, form);
    } catch (const sqlite_error& why) {
        if (!why.corrupt())
            throw;
        wrong = why.what();
    }
    const auto aside = free_name(path, ".corrupt");
    set_aside(path, aside);
    complaint = path + " is of no use (" + wrong + "); it is kept as " + aside + " and begun anew";
    return open_whole(path, form);
}

}  // namespace sluice::state
