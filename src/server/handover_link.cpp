#include <sluice/server/handover_link.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::server {
namespace {

using kind = handover_message::kind;

// The length of what follows, least byte first, and the kind.
constexpr std::size_t length_bytes = 4;
constexpr std::size_t head_bytes = length_bytes + 1;

bool carries_descriptor(kind what) noexcept
{
    return what == kind::socket;
}

bool can(int descriptor, short what, milliseconds limit)
{
    pollfd waiting{descriptor, what, 0};
    int got = 0;
    do {
        got = ::poll(&waiting, 1, static_cast<int>(limit.count()));
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

// How many went; below 0: errno.
ssize_t send_some(int socket, std::string_view bytes, int descriptor)
{
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        auto* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void take_descriptors(msghdr& message, handover_reader& into)
{
    for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof descriptor);
            into.feed_descriptor(descriptor);
        }
    }
}

}  // namespace

handover_reader::~handover_reader()
{
    for (const int each : descriptors_)
        ::close(each);
}

std::optional<handover_message> handover_reader::next()
{
    if (broken_ || bytes_.size() < head_bytes)
        return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i)
        length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes_[i])) << (8 * i);
    const auto number = static_cast<unsigned char>(bytes_[length_bytes]);
    if (length > most_bytes || number > static_cast<unsigned char>(kind::places)) {
        broken_ = true;
        return std::nullopt;
    }
    if (bytes_.size() - head_bytes < length)
        return std::nullopt;
    handover_message made;
    made.what = static_cast<kind>(number);
    if (carries_descriptor(made.what)) {
        if (descriptors_.empty()) {
            broken_ = true;
            return std::nullopt;
        }
        made.descriptor = descriptors_.front();
        descriptors_.pop_front();
    }
    made.body = bytes_.substr(head_bytes, length);
    bytes_.erase(0, head_bytes + length);
    return made;
}

std::string framed(kind what, std::string_view body)
{
    std::string out;
    for (std::size_t i = 0; i < length_bytes; ++i)
        out += static_cast<char>((body.size() >> (8 * i)) & 0xffU);
    out += static_cast<char>(what);
    return out += body;
}

handover_link::~handover_link()
{
    ::close(socket_);
}

bool handover_link::send(kind what, std::string_view body, int descriptor, milliseconds limit)
{
    const std::scoped_lock lock(sending_);
    if (deaf_ || body.size() > handover_reader::most_bytes)
        return false;
    const auto bytes = framed(what, body);
    const auto until = steady::now() + limit;
    for (std::string_view left = bytes; !left.empty();) {
        const auto sent = send_some(socket_, left, descriptor);
        if (sent > 0) {
            left.remove_prefix(static_cast<std::size_t>(sent));
            descriptor = -1;  // went with the first byte
            continue;
        }
        const auto rest = std::chrono::ceil<milliseconds>(until - steady::now());
        const bool full = sent < 0 && (errno == EAGAIN || errno == EINTR);
        if (!full || rest.count() <= 0 || !can(socket_, POLLOUT, rest)) {
            deaf_ = true;
            return false;
        }
    }
    return true;
}

bool handover_link::receive()
{
    std::array<char, 65'536> piece;
    while (!reader_.broken()) {
        iovec into{piece.data(), piece.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(16 * sizeof(int))> control;
        msghdr message{};
        message.msg_iov = &into;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const auto got = ::recvmsg(socket_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN;
        take_descriptors(message, reader_);
        if (got == 0)
            return false;
        reader_.feed({piece.data(), static_cast<std::size_t>(got)});
    }
    return false;
}

std::optional<handover_message> handover_link::wait(milliseconds limit)
{
    const auto until = steady::now() + limit;
    while (true) {
        const bool open = receive();
        if (auto message = next())
            return message;
        const auto rest = std::chrono::ceil<milliseconds>(until - steady::now());
        if (!open || broken() || rest.count() <= 0 || !can(socket_, POLLIN, rest))
            return std::nullopt;
    }
}

}  // namespace sluice::server
