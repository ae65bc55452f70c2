/* 16550A serial port.  National Semiconductor PC16550D data sheet
 * (RRD-B30M75).  Bytes go out at once, while the peer has room: else the transmitter is busy
 * with those before.  They come in by FIFOs full; when one has been read the line rests for a while, so that a driver that reads until nothing is left
 * comes to an end. */
#ifndef UNRING_DEVICES_UART_H
#define UNRING_DEVICES_UART_H

#include "devices/bus.h"
#include "devices/device.h"

struct uart;
extern const struct device_type uart_type;

/* The far end of the line. */
struct uart_peer {
	void *ctx;
	void (*transmit)(void *ctx, uint8_t byte);
	void (*ready)(void *ctx); /* uart_room() is no longer 0 */
	bool (*room)(void *ctx);  /* it takes a FIFO full; NULL: always */
};

struct uart *uart_create(struct bus *bus, struct clock *clock, uint16_t port, struct irq_line irq,
                         struct uart_peer peer);

/* Bytes that the receiver takes now: none while the line rests, or the guest holds
 * RTS off (unless its FIFO and receive interrupt are on), so that nothing typed early
 * is lost when it sets the FIFO up. */
unsigned uart_room(const struct uart *u);
/* The peer sends a byte, for which there must be room. */
void uart_receive(struct uart *u, uint8_t byte);
/* The peer has room again. */
void uart_transmitted(struct uart *u);
/* The peer sends a break. */
void uart_receive_break(struct uart *u);

#endif
