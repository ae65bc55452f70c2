/* A program whose data and stack lie in 5,000 bytes.  EAX: which of its loops; EDX: how often. */
typedef unsigned int u32;

struct node {
	struct node *next;
	u32 value;
};

static unsigned char sieve[1400], copy[400];
static u32 table[256];
static struct node nodes[100];
static short words[128];

static void fill(void)
{
	for (u32 i = 0; i < 256; i++) {
		table[i] = i;
		for (u32 k = 0; k < 8; k++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	for (u32 i = 0; i < 100; i++)
		nodes[i] = (struct node){&nodes[(i + 37) % 100], i};
}

static u32 primes(void)
{
	u32 n = 0;

	for (u32 i = 2; i < sizeof sieve; i++)
		sieve[i] = 1;
	for (u32 i = 2; i < sizeof sieve; i++) {
		if (!sieve[i])
			continue;
		n++;
		for (u32 k = 2 * i; k < sizeof sieve; k += i)
			sieve[k] = 0;
	}
	return n;
}

static u32 crc(void)
{
	u32 c = ~0u;

	for (u32 i = 0; i < sizeof sieve; i++)
		c = c >> 8 ^ table[(c ^ sieve[i]) & 0xff];
	return c;
}

static u32 chase(void)
{
	u32 sum = 0;
	const struct node *p = nodes;

	for (u32 i = 0; i < 1000; i++, p = p->next)
		sum += p->value;
	return sum;
}

static u32 sort(void)
{
	u32 x = 12345;

	for (u32 i = 0; i < 128; i++)
		words[i] = (short)((x = x * 1103515245 + 12345) >> 16);
	for (u32 i = 1; i < 128; i++) {
		short w = words[i];
		u32 k = i;

		for (; k && words[k - 1] > w; k--)
			words[k] = words[k - 1];
		words[k] = w;
	}
	return (u32)words[64];
}

static u32 bytes(void)
{
	for (u32 i = 0; i < sizeof copy; i++)
		copy[i] = sieve[2 * i] + sieve[2 * i + 1] + (unsigned char)i;
	return copy[77];
}

/* With its frames on the stack, as compilers of the time made them. */
__attribute__((noinline, optimize("O0"))) static u32 fib(u32 n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((regparm(2), used)) u32 work(u32 which, u32 times)
{
	u32 sum = 0;

	fill();
	while (times--) {
		switch (which) {
		case 0:
			sum += primes();
			break;
		case 1:
			sum += crc();
			break;
		case 2:
			sum += chase();
			break;
		case 3:
			sum += sort();
			break;
		case 4:
			sum += bytes();
			break;
		case 5:
			sum += fib(12);
			break;
		}
		__asm__ volatile("" : : : "memory");
	}
	return sum;
}

__asm__(".section .start, \"ax\"\n.globl _start\n_start: call work\nint $0x81\n");
