"""The order in which a trainer takes the rows of an epoch: drawn from (seed, epoch) by Philox4x32-10, as runtime/philox.h says."""

EPOCH_ORDER = 0xDA7A0001
MASK = 0xFFFFFFFF


def philox4x32(key, counter):
    key, counter = list(key), list(counter)
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b & MASK, (a >> 32) ^ counter[3] ^ key[1], a & MASK]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return counter


def words(seed, epoch):
    block = 0
    while True:
        yield from philox4x32((seed & MASK, seed >> 32), (block, EPOCH_ORDER, epoch & MASK, epoch >> 32))
        block += 1


def epoch_order(rows, seed, epoch):
    word, order = words(seed, epoch), list(range(rows))
    for i in range(rows - 1, 0, -1):
        j = ((next(word) << 32 | next(word)) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return order
