// seal and open: files and pipes under a symmetric key.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <keywarden/key/direct_file_sink.hpp>

#include "advice.hpp"
#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::bytes;
using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;
using kind = option::kind;

namespace {

constexpr std::size_t largest_message = std::size_t{1} << 20U;
constexpr std::size_t largest_associated_data = std::size_t{1} << 16U;
constexpr std::uint64_t large_file = std::uint64_t{64} << 20U;

using message_key = keywarden::opened_key<sealed_file, production::cipher>;
using stream_key =
    keywarden::opened_stream_key<sealed_file, keywarden::stream::native, production::cipher>;

// Reads on from a descriptor of which the first byte was read already.
class peeked_source {
 public:
  peeked_source(int file, std::uint8_t first) noexcept : rest_(file), first_(first) {}

  [[nodiscard]] result<std::size_t> read(keywarden::mutable_bytes out) {
    if (given_ || out.empty()) return rest_.read(out);
    given_ = true;
    out[0] = first_;
    return std::size_t{1};
  }

 private:
  keywarden::fd_source rest_;
  std::uint8_t first_;
  bool given_ = false;
};

// What is read: a file, which may be read at any place, or standard input, which is read in order.
struct input {
  descriptor owned;
  int number = STDIN_FILENO;
  std::optional<std::uint64_t> size;  // of a regular file

  [[nodiscard]] static result<input> open(const context& at) {
    input made;
    const auto path = at.call.value("input");
    if (!path || *path == "-") return made;
    auto opened = open_to_read(*path);
    if (!opened) return opened.error();
    made.owned = std::move(*opened);
    made.number = made.owned.number();
    if (auto size = keywarden::file_source(made.number).size()) made.size = *size;
    return made;
  }
};

// Where the result goes: a file that appears whole, or standard output.
class output {
 public:
  [[nodiscard]] static result<output> open(const context& at) {
    output made;
    const auto path = at.call.value("output");
    if (!path || *path == "-") {
      if (at.for_machines())
        return error(errc::invalid_argument)
            .with(fact::reason, "--json needs --output: both use standard output");
      return made;
    }
    auto file = output_file::create(*path, at.call.has("overwrite"));
    if (!file) return file.error();
    made.file_.emplace(std::move(*file));
    return made;
  }
  [[nodiscard]] keywarden::fd_sink sink() const {
    return keywarden::fd_sink(file_ ? file_->number() : STDOUT_FILENO);
  }
  // Calls `write` with a sink: past the page cache for a file made of a large one. What is written
  // is whole then.
  template <class Write>
  [[nodiscard]] result<std::uint64_t> written_from(std::uint64_t input_size,
                                                   const Write& write) const {
    if (!file_ || input_size < large_file) return write(sink());
    auto direct = keywarden::direct_file_sink::create(file_->number());
    if (!direct) return direct.error();
    auto written = write(*direct);
    if (!written) return written;
    if (auto finished = direct->finish(); !finished) return finished.error();
    return written;
  }
  [[nodiscard]] result<void> finish() { return file_ ? file_->commit() : keywarden::done(); }
  [[nodiscard]] bool is_file() const noexcept { return file_.has_value(); }

 private:
  std::optional<output_file> file_;
};

result<bytes> associated_data(const context& at) {
  const auto text = at.call.value("associated-data");
  const auto file = at.call.value("associated-data-file");
  if (text && file)
    return error(errc::invalid_argument)
        .with(fact::reason, "associated data is a text or a file, not both");
  if (text) return keywarden::to_bytes(keywarden::as_bytes(*text));
  if (!file) return bytes{};
  auto data = read_file(*file, largest_associated_data);
  if (!data) return data.error();
  return keywarden::to_bytes(data->view());
}

keywarden::stream_options stream_options_for(std::string_view verb, const input& from) {
  keywarden::stream_options made;
  made.threads = from.size ? std::clamp(std::thread::hardware_concurrency(), 1U, 8U) : 1U;
  made.progress = progress(verb, from.size.value_or(0));
  return made;
}

// Everything that sealing and opening need, made before any of it is used.
struct job {
  input from;
  output to;
  bytes associated;
  database* in = nullptr;
  keywarden::object_name key;
  const password* own = nullptr;

  [[nodiscard]] result<message_key> open_message_key() {
    return in->keys().open<sealed_file>(key, own);
  }
  [[nodiscard]] result<keywarden::key_ring> open_ring() { return in->keys().open_ring(key, own); }
};

using work = result<std::uint64_t> (*)(job&);

result<answer> run_job(context& at, std::string_view verb, work run) {
  auto key = name_operand(at, 1);
  if (!key) return key.error();
  auto associated = associated_data(at);
  if (!associated) return associated.error();
  return with_keys(at, [&](database& in, const password* own) -> result<answer> {
    if (auto fits = given_password_fits(at, in, *key, own); !fits) return fits.error();
    auto from = input::open(at);
    if (!from) return from.error();
    auto to = output::open(at);
    if (!to) return to.error();
    job one{std::move(*from), std::move(*to), *associated, &in, *key, own};
    auto written = run(one);
    end_progress();
    if (!written) return written.error();
    if (auto finished = one.to.finish(); !finished) return finished.error();
    if (!one.to.is_file()) return answer();
    const auto path = *at.call.value("output");
    answer made(std::string(verb) + " to " + path + ": " + std::to_string(*written) + " bytes.");
    made.facts = {{"output", path}, {"bytes", *written}};
    return made;
  });
}

result<std::uint64_t> seal_message(job& one) {
  auto key = one.open_message_key();
  if (!key) return key.error();
  auto message = read_all(one.from.number, largest_message);
  if (!message) {
    if (message.error().code() != errc::message_too_long) return message.error();
    return error(message.error()).with(fact::next_step, "--stream seals data of any size");
  }
  auto sealed = key->seal(message->view(), one.associated);
  if (!sealed) return sealed.error();
  if (auto written = one.to.sink().write(sealed->view()); !written) return written.error();
  return std::uint64_t{sealed->view().size()};
}

result<std::uint64_t> seal_stream(job& one) {
  auto ring = one.open_ring();
  if (!ring) return ring.error();
  auto key = stream_key::create(*ring);
  if (!key) return key.error();
  const auto how = stream_options_for("sealed", one.from);
  if (one.from.size)
    return one.to.written_from(*one.from.size, [&](keywarden::byte_sink auto&& to) {
      return key->seal(keywarden::file_source(one.from.number), to, one.associated, how);
    });
  return key->seal(keywarden::fd_source(one.from.number), one.to.sink(), one.associated, how);
}

result<std::uint64_t> open_message(const message_key& key, const job& one, peeked_source source) {
  bytes data(largest_message + message_key::overhead + 1);
  std::size_t size = 0;
  for (;;) {
    auto got = source.read(keywarden::mutable_bytes(data).subspan(size));
    if (!got) return got.error();
    if (*got == 0) break;
    size += *got;
    if (size == data.size())
      return error(errc::message_too_long).with(fact::limit, data.size() - 1);
  }
  data.resize(size);
  auto opened = key.open(keywarden::sealed<sealed_file>(std::move(data)), one.associated);
  if (!opened) return opened.error();
  if (auto written = one.to.sink().write(opened->view()); !written) return written.error();
  return std::uint64_t{opened->size()};
}

// The first byte tells a sealed message from a sealed stream.
result<std::uint64_t> open_with(const keywarden::key_ring& ring, const job& one) {
  std::uint8_t first = 0;
  keywarden::fd_source source(one.from.number);
  auto got = source.read({&first, 1});
  if (!got) return got.error();
  if (*got == 0) return error(errc::truncated).with(fact::reason, "there is nothing to open");
  if (first == keywarden::format::native::version) {
    auto key = message_key::create(ring);
    if (!key) return key.error();
    return open_message(*key, one, {one.from.number, first});
  }
  if (first != keywarden::stream::native::version)
    return error(errc::unsupported_version)
        .with(fact::version, first)
        .with(fact::reason, "neither a sealed message nor a sealed stream");
  auto key = stream_key::create(ring);
  if (!key) return key.error();
  const auto how = stream_options_for("opened", one.from);
  if (one.from.size)
    return one.to.written_from(*one.from.size, [&](keywarden::byte_sink auto&& to) {
      return key->open(keywarden::file_source(one.from.number), to, one.associated, how);
    });
  return key->open(peeked_source(one.from.number, first), one.to.sink(), one.associated, how);
}

// A version that the ring knows, and that opens no more: says which state it is in, and what helps.
error explained(const error& why, const keywarden::key_ring& ring, const job& one) {
  if (!(why == errc::unknown_key)) return why;
  for (const auto& each : ring.versions()) {
    const auto version = std::to_string(each.id.value());
    if (version != why.value_of(fact::key)) continue;
    return error(errc::key_state_refused)
        .with(fact::key, version)
        .with(fact::state, name_of(each.state))
        .with(fact::reason, "the version that sealed this does not open any more")
        .with(fact::next_step,
              each.state == keywarden::key_state::destroyed
                  ? "none: what it sealed is lost, except to a backup of the store from before"
                  : "keywarden key enable " + one.in->name().text() + " " + one.key.text() + " " +
                        version);
  }
  return with_next(why,
                   "keywarden key show tells the versions that there are: this was sealed with "
                   "another key, or in another store");
}

result<std::uint64_t> open_either(job& one) {
  auto ring = one.open_ring();  // before anything is read: a refusal may lead to another attempt
  if (!ring) return ring.error();
  auto opened = open_with(*ring, one);
  if (!opened) return explained(opened.error(), *ring, one);
  return opened;
}

result<answer> seal(context& at) {
  if (at.call.has("stream") && at.call.has("message"))
    return usage_error("--stream or --message, not both", "seal");
  const auto path = at.call.value("input").value_or("-");
  const bool as_stream = at.call.has("stream") || (path != "-" && !at.call.has("message"));
  return run_job(at, "Sealed", as_stream ? seal_stream : seal_message);
}

result<answer> open(context& at) { return run_job(at, "Opened", open_either); }

}  // namespace

std::vector<command> data_commands() {
  const option from{"input", kind::value, "FILE", "what to read (default: standard input)"};
  const option to{"output", kind::value, "FILE",
                  "where to write, readable by its owner only; appears whole or not at all "
                  "(default: standard output)"};
  const option text{"associated-data", kind::value, "TEXT",
                    "what is authenticated with it but not stored: the same is needed to open"};
  const option file{"associated-data-file", kind::value, "FILE", "the same from a file"};
  return {
      {"seal",
       {"DATABASE", "KEY"},
       {from,
        to,
        options::overwrite,
        text,
        file,
        {"stream", kind::flag, {}, "as a sealed stream, for any size (the default for a file)"},
        {"message",
         kind::flag,
         {},
         "as a sealed message, up to 1 MiB (the default for standard input)"},
        options::master_key_password,
        options::key_password},
       "Seal a file, or standard input, with a key.",
       seal},
      {"open",
       {"DATABASE", "KEY"},
       {from, to, options::overwrite, text, file, options::master_key_password,
        options::key_password},
       "Open what `seal` made, message or stream.\n"
       "A stream that is refused half-way has written a true beginning to standard output, and "
       "nothing to a file.",
       open},
  };
}

}  // namespace cli
