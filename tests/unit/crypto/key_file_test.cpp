#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "crypto/keys.hpp"

namespace maillon::crypto {
namespace {

namespace fs = std::filesystem;

/// Cheap enough to derive hundreds of times.
constexpr PassphraseCost kCheap{1, 8};

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string name = (fs::temp_directory_path() / "maillon-keys-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ / "node.key";
  }
  ~KeyFile() override { fs::remove_all(folder_); }

  void write(std::optional<std::string_view> passphrase) {
    const auto written = write_key_file(path_, secret_, passphrase, rng_, kCheap);
    ASSERT_FALSE(written.has_error()) << written.error().detail;
  }
  std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void replace(std::string_view text) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
    ::chmod(path_.c_str(), 0600);
  }
  Errc refusal(std::optional<std::string_view> passphrase) const {
    const auto read = read_key_file(path_, passphrase);
    EXPECT_TRUE(read.has_error());
    return read.has_error() ? read.error().code : Errc::busy;
  }
  bool reads_back(std::optional<std::string_view> passphrase) const {
    const auto read = read_key_file(path_, passphrase);
    return read.has_value() && std::ranges::equal(read->bytes(), secret_.bytes());
  }

  SeededRng rng_{1};
  Secret32 secret_ = Secret32::random(rng_);
  fs::path folder_;
  fs::path path_;
};

TEST_F(KeyFile, PlainRoundTripWithMode0600) {
  const auto before = ::umask(0277);
  write(std::nullopt);
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0600u);
  EXPECT_TRUE(reads_back(std::nullopt));
  EXPECT_TRUE(reads_back("needless"));
  EXPECT_FALSE(key_file_is_sealed(path_).value());
  EXPECT_NE(text().find(to_hex(secret_.bytes())), std::string::npos);
}

TEST_F(KeyFile, SealedRoundTripHidesTheSecret) {
  write("l’été à Nîmes");
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0600u);
  EXPECT_TRUE(key_file_is_sealed(path_).value());
  EXPECT_TRUE(reads_back("l’été à Nîmes"));
  EXPECT_EQ(text().find(to_hex(secret_.bytes())), std::string::npos);
}

TEST_F(KeyFile, WrongOrMissingPassphraseSaysWhatToDo) {
  write("right");
  const auto wrong = read_key_file(path_, "wrong").error();
  EXPECT_EQ(wrong.code, Errc::not_allowed);
  EXPECT_NE(wrong.fr.find("phrase de passe incorrecte"), std::string::npos);
  EXPECT_FALSE(wrong.hint.empty() || wrong.hint_fr.empty());
  const auto missing = read_key_file(path_, std::nullopt).error();
  EXPECT_EQ(missing.code, Errc::not_allowed);
  EXPECT_FALSE(missing.fr.empty() || missing.hint.empty() || missing.hint_fr.empty());
  EXPECT_EQ(refusal(""), Errc::not_allowed);
}

TEST_F(KeyFile, DefaultCostIsModerateAndRecorded) {
  ASSERT_FALSE(write_key_file(path_, secret_, "passphrase", rng_).has_error());
  EXPECT_NE(text().find("argon2id 3 262144\n"), std::string::npos);
  EXPECT_TRUE(reads_back("passphrase"));
}

TEST_F(KeyFile, EveryFlippedByteIsRefused) {
  for (const std::optional<std::string_view> passphrase :
       {std::optional<std::string_view>{}, std::optional<std::string_view>{"p"}}) {
    fs::remove(path_);
    write(passphrase);
    const auto genuine = text();
    for (std::size_t at = 0; at < genuine.size(); ++at) {
      auto flipped = genuine;
      flipped[at] = static_cast<char>(flipped[at] ^ 1);
      replace(flipped);
      EXPECT_TRUE(read_key_file(path_, passphrase).has_error()) << at << "\n" << flipped;
    }
    for (std::size_t cut = 0; cut < genuine.size(); ++cut) {
      replace(std::string_view{genuine}.substr(0, cut));
      EXPECT_TRUE(read_key_file(path_, passphrase).has_error()) << cut;
    }
    replace(genuine + "\n");
    EXPECT_EQ(refusal(passphrase), Errc::malformed);
    replace(genuine);
    EXPECT_TRUE(reads_back(passphrase));
  }
}

TEST_F(KeyFile, ReadableByOthersIsRefused) {
  write(std::nullopt);
  for (const mode_t mode : {0640u, 0604u, 0620u, 0660u, 0601u}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    const auto error = read_key_file(path_, std::nullopt).error();
    EXPECT_EQ(error.code, Errc::not_allowed);
    EXPECT_NE(error.hint.find("chmod 600"), std::string::npos);
    EXPECT_NE(error.hint_fr.find("chmod 600"), std::string::npos);
    EXPECT_EQ(key_file_is_sealed(path_).error().code, Errc::not_allowed);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
  EXPECT_TRUE(reads_back(std::nullopt));
}

TEST_F(KeyFile, NeverOverwritten) {
  write(std::nullopt);
  const auto before = text();
  const Secret32 other = Secret32::random(rng_);
  EXPECT_EQ(write_key_file(path_, other, std::nullopt, rng_).error().code, Errc::refused);
  EXPECT_EQ(text(), before);
  const fs::path link = folder_ / "link.key";
  fs::create_symlink(folder_ / "elsewhere.key", link);
  EXPECT_TRUE(write_key_file(link, other, std::nullopt, rng_).has_error());
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere.key"));
}

TEST_F(KeyFile, HostileCostsAreRefusedBeforeAnyWork) {
  write("p");
  const auto genuine = text();
  const std::string_view cheap = "argon2id 1 8\n";
  const auto at = genuine.find(cheap);
  ASSERT_NE(at, std::string::npos);
  for (const std::string_view hostile :
       {"argon2id 1 4294967295\n", "argon2id 4294967295 8\n", "argon2id 17 8\n",
        "argon2id 1 1048577\n", "argon2id 0 8\n", "argon2id 1 7\n", "argon2id 1 99999999999\n",
        "argon2id -1 8\n", "argon2id 1  8\n", "argon2id 1 8 \n", "argon2id 1\n", "argon2id \n",
        "argon2id 1 8x\n"}) {
    auto forged = genuine;
    forged.replace(at, cheap.size(), hostile);
    replace(forged);
    EXPECT_EQ(refusal("p"), Errc::malformed) << hostile;
  }
  // Other numbers within bounds do not open it either: the seal covers them.
  auto forged = genuine;
  forged.replace(at, cheap.size(), "argon2id 2 8\n");
  replace(forged);
  EXPECT_EQ(refusal("p"), Errc::not_allowed);
  EXPECT_EQ(write_key_file(folder_ / "b", secret_, "p", rng_, {0, 8}).error().code, Errc::usage);
  EXPECT_EQ(write_key_file(folder_ / "b", secret_, "p", rng_, {1, 1u << 21}).error().code,
            Errc::usage);
  EXPECT_FALSE(fs::exists(folder_ / "b"));
}

TEST_F(KeyFile, OtherFilesAreNoKeys) {
  EXPECT_EQ(refusal(std::nullopt), Errc::not_found);
  EXPECT_EQ(key_file_is_sealed(path_).error().code, Errc::not_found);
  for (const std::string_view other : {"", "\n", "hello\n", "maillon key 1", "maillon key 1\n",
                                       "maillon key 1\nfoo\n", "maillon key 1\nplain\n"}) {
    replace(other);
    EXPECT_EQ(refusal(std::nullopt), Errc::malformed) << other;
  }
  replace("maillon key 2\nplain\n");
  EXPECT_EQ(refusal(std::nullopt), Errc::newer_version);
  replace(std::string(5000, 'a'));
  EXPECT_EQ(refusal(std::nullopt), Errc::malformed);
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refusal(std::nullopt), Errc::malformed) << "and it did not wait for a writer";
  fs::remove(path_);
  fs::create_directory(path_, folder_);
  fs::permissions(path_, fs::perms::owner_all);
  EXPECT_EQ(refusal(std::nullopt), Errc::malformed);
}

TEST_F(KeyFile, EmptyPassphraseAndMissingFolderAreTold) {
  EXPECT_EQ(write_key_file(path_, secret_, "", rng_, kCheap).error().code, Errc::usage);
  EXPECT_FALSE(fs::exists(path_));
  const auto error = write_key_file(folder_ / "none" / "k", secret_, std::nullopt, rng_).error();
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_FALSE(error.fr.empty());
}

}  // namespace
}  // namespace maillon::crypto
